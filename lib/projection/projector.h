/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The projector: builds read models from Kafka in this process. Other processes share the work by
 * partition.
 *
 * See docs/projection.md for its states and the faults it is built against, status.h for what all
 * processes do.
 *
 * Threads: the program's main thread; projector_status from any.
 */
#ifndef DAYBOOK_PROJECTION_PROJECTOR_H
#define DAYBOOK_PROJECTION_PROJECTOR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scope.h"
#include "kafka/config.h"
#include "postgres/pg.h"
#include "projection/fold.h"
#include "projection/parking_core.h"
#include "projection/status.h"

struct arena;
struct projector;

/* The policy of one projection. */
struct parking_override {
    const char *projection;
    struct parking_policy policy;
};

struct projector_config {
    struct pg_config postgres;
    struct kafka_config kafka; /* what it points to lives until projector_stop() */
    const char *instance;      /* instance.name: holder of the static member ids */
    const struct projection *const *projections; /* ends with NULL */
    unsigned workers;                            /* threads and connections a projection; >= 1 */
    size_t batch_events_max;                     /* 2000 */
    size_t queue_events_max;                     /* a partition's, between poll and worker; 8000 */
    size_t queue_bytes_max;                      /* the same; 8 MiB */
    size_t fetch_queue_bytes_max;                /* librdkafka's, a projection; 16 MiB */
    int session_timeout_ms;                      /* 10000 */
    struct parking_policy parking;               /* of all but those below */
    const struct parking_override *parking_overrides; /* may be NULL; ends with a name NULL */
};

/* PostgreSQL and Kafka may be away: it then goes on trying. */
MUST_CHECK bool projector_start(const struct projector_config *config,
                                struct projector **ret_projector, struct error *err);
/* Batches in flight end (bounded by the statement time-out, at most 5 s), threads are joined. */
void projector_stop(struct projector *projector);

/* What this process does, from memory: works with the database down. Strings live in ARENA. Read
 * position and lag are those last seen. */
void projector_status(struct projector *projector, struct arena *arena,
                      struct projection_status **ret, size_t *ret_count);

/* Makes the table of each projection that has none. Left alone, with a warning, is one of another
 * declaration, which waits for its rebuild by this program, and one whose file PostgreSQL refuses:
 * the projector shows it as blocked. projector_start() does it too; `daybookd migrate up` may, so
 * that nothing is left to be made later. */
MUST_CHECK bool projection_install_all(struct pg_conn *conn,
                                       const struct projection *const *projections,
                                       struct error *err);

#endif
