/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the projector share: projector.c has the supervisor's loop, served.c which
 * generations of a projection run, projecting.c the steps of one of them, projector_status.c what
 * is shown.
 *
 * Threads: the supervisor's; what the mutex guards is read by others.
 */
#ifndef DAYBOOK_PROJECTION_PROJECTOR_INTERNAL_H
#define DAYBOOK_PROJECTION_PROJECTOR_INTERNAL_H
#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "eventlog/identity.h"
#include "projection/generation.h"
#include "projection/dead_letter.h"
#include "projection/position.h"
#include "projection/projector.h"
#include "projection/runner.h"
#include "projection/slot.h"

struct kafka_admin;
struct look;
struct stop;
struct table;
struct thread;

enum { PROJECTIONS_MAX = 64, OWNER_MAX = 400 };

/* One projection in this process: it has to be installed, then its generations run. */
struct served {
    const struct projection *projection;
    bool installed; /* its live table is there */
    unsigned attempts;
    int64_t retry_at_ms;

    /* guarded by the projector's mutex */
    bool paused;
    struct error trouble; /* class NONE: none */
    int64_t since_us;     /* of trouble */
    struct read_position read;
    struct letter_counts counts;
};

enum projecting_stage {
    PROJECTING_SLOT, /* it needs a member id */
    PROJECTING_RUN,
};

/* One generation of a projection in this process. */
struct projecting {
    const struct projection *projection;
    enum projecting_stage stage;
    struct table *table;
    bool wanted; /* seen in the last look at what is to run */
    char group[SLOT_GROUP_MAX + 1];
    char owner[OWNER_MAX + 1];
    struct slot slot; /* token "": none */
    int64_t slot_wanted_ms;
    int64_t renew_at_ms;
    size_t topics_found;
    unsigned attempts;
    int64_t retry_at_ms;

    atomic_bool is_live; /* read by its workers, too */

    /* guarded by the projector's mutex */
    struct runner *runner; /* PROJECTING_RUN only */
    struct error trouble;  /* class NONE: none */
    struct error kafka;    /* PROJECTING_RUN: Kafka did not answer; class NONE: it did */
    int64_t since_us;      /* of stage and trouble */
};

struct projector {
    struct projector_config config;
    char *instance;
    struct thread *thread;
    struct stop *stop;
    struct pg_conn *conn;
    struct kafka_admin *admin;
    struct log_identity identity;
    bool has_identity;
    bool is_replaced;     /* the database holds another log by now */
    struct look *look;    /* all runners'; made with the first of them */
    int64_t topics_at_ms; /* when to look for topics next */
    int64_t kafka_at_ms;  /* when to ask Kafka next whether it is there */
    int64_t lag_at_ms;
    int64_t parked_at_ms;
    int64_t forget_at_ms;
    int64_t generations_at_ms;
    struct log_gate gate;
    struct served served[PROJECTIONS_MAX];
    size_t served_count;
    pthread_mutex_t mutex;
    /* written by the supervisor, under the mutex */
    struct projecting *projectings[GENERATION_RUNS_MAX];
    size_t count;
};

/* Installs what is due, and makes what runs what should: looks at the generations now and then. */
void served_step(struct projector *projector, int64_t now_ms);

/* Begins with a generation. */
struct projecting *projecting_new(struct projector *projector,
                                  const struct generation_run *generation, int64_t now_ms);

/* Does what is due. */
void projecting_step(struct projector *projector, struct projecting *p, int64_t now_ms);
/* Looks for topics it does not read yet. */
void projecting_find_topics(struct projector *projector, struct projecting *p, int64_t now_ms);
/* Asks Kafka for its topics, and notes whether it answers. */
MUST_CHECK bool projecting_ask_kafka(struct projector *projector, struct projecting *p,
                                     int64_t now_ms, struct error *err);
void projecting_note_kafka(struct projector *projector, struct projecting *p,
                           const struct error *err); /* NULL: it answered */
/* Ends its runner, gives back what it has, frees it; it is off the list. */
void projecting_free(struct projector *projector, struct projecting *p);
bool projecting_wants_topics(const struct projecting *p);

#endif
