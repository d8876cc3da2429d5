/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the projector share: projector.c has the supervisor's loop, projecting.c the
 * steps of one projection, projector_status.c what is shown.
 *
 * Threads: the supervisor's; what the mutex guards is read by others.
 */
#ifndef DAYBOOK_PROJECTION_PROJECTOR_INTERNAL_H
#define DAYBOOK_PROJECTION_PROJECTOR_INTERNAL_H
#include <pthread.h>

#include "base/log.h"
#include "eventlog/identity.h"
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

enum projecting_stage {
    PROJECTING_INSTALL, /* its table has to be there */
    PROJECTING_SLOT,    /* it needs a member id */
    PROJECTING_RUN,
};

/* One projection in this process. */
struct projecting {
    const struct projection *projection;
    enum projecting_stage stage;
    struct table *table; /* of the live generation; from PROJECTING_SLOT on */
    char group[SLOT_GROUP_MAX + 1];
    char owner[OWNER_MAX + 1];
    struct slot slot; /* token "": none */
    int64_t slot_wanted_ms;
    int64_t renew_at_ms;
    size_t topics_found;
    unsigned attempts;
    int64_t retry_at_ms;

    /* guarded by the projector's mutex */
    struct runner *runner; /* PROJECTING_RUN only */
    struct error trouble;  /* class NONE: none */
    struct error kafka;    /* PROJECTING_RUN: Kafka did not answer; class NONE: it did */
    int64_t since_us;      /* of stage and trouble */
    struct read_position read;
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
    struct log_gate gate;
    struct projecting projectings[PROJECTIONS_MAX];
    size_t count;
    pthread_mutex_t mutex;
};

/* Does what is due. */
void projecting_step(struct projector *projector, struct projecting *p, int64_t now_ms);
/* Looks for topics it does not read yet. */
void projecting_find_topics(struct projector *projector, struct projecting *p, int64_t now_ms);
/* Asks Kafka for its topics, and notes whether it answers. */
MUST_CHECK bool projecting_ask_kafka(struct projector *projector, struct projecting *p,
                                     int64_t now_ms, struct error *err);
void projecting_note_kafka(struct projector *projector, struct projecting *p,
                           const struct error *err); /* NULL: it answered */
/* Ends its runner and frees what it has, for good or to begin again. */
void projecting_stop(struct projector *projector, struct projecting *p);
bool projecting_wants_topics(const struct projecting *p);

#endif
