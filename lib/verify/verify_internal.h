/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a verification share.
 *
 * Threads: the caller's of verify_run().
 */
#ifndef DAYBOOK_VERIFY_VERIFY_INTERNAL_H
#define DAYBOOK_VERIFY_VERIFY_INTERNAL_H
#include "base/arena.h"
#include "eventlog/event.h"
#include "eventlog/identity.h"
#include "publisher/cursor.h"
#include "verify/verify.h"

struct pg_conn;
struct tally;
struct topic_check;

enum {
    SLICE_POSITIONS = 5000,
    PAGE_ROWS = 500,
    TEXT_MAX = ERROR_TEXT_MAX + 64, /* of a finding */
};

struct verifier {
    const struct verify_config *config;
    struct verify_report *report;
    struct pg_conn *conn;
    struct arena *arena; /* of a slice */
    struct log_identity identity;
    struct cursor cursor; /* the database's copy */
    struct position head;
};

/* Counts FINDING and hands it on. */
void verifier_found(struct verifier *v, const struct finding *finding);
/* False: cancelled. */
MUST_CHECK bool verifier_go_on(struct verifier *v, const char *doing, int64_t done, int64_t total,
                               struct error *err);

/* The topic of a stream's events; NULL: there is none yet. */
const struct cursor_topic *verifier_topic(const struct verifier *v, struct str stream);
/* The partition of a stream's events; -1: its category has no topic yet. */
int32_t verifier_partition(const struct verifier *v, struct str tenant, struct str stream);

/*
 * Reads the log up to UP_TO and hands each event in order to whoever wants it: the topics and the
 * tallies of roll-ups; with CHECK the log's own order is verified on the way. Positions that are
 * not there are told and passed over.
 */
struct log_pass {
    bool check;
    struct topic_check *topics; /* NULL: not wanted */
    struct tally **tallies;     /* ends with NULL; NULL: none */
    bool (*event)(void *arg, const struct event *event, struct error *err); /* NULL: nobody */
    void *arg;
    const char *doing;
};
MUST_CHECK bool verify_log_pass(struct verifier *v, const struct log_pass *pass,
                                struct position after, struct position up_to, struct error *err);
/* Each stream's row against its last event. */
MUST_CHECK bool verify_streams(struct verifier *v, struct error *err);

MUST_CHECK bool topic_check_new(struct verifier *v, struct topic_check **ret, struct error *err);
void topic_check_free(struct topic_check *topics);
SCOPED_DEFINE(struct topic_check *, topic_check_free);
/* The next event of the log. */
MUST_CHECK bool topic_check_event(struct topic_check *topics, const struct event *event,
                                  struct error *err);
/* What is left in the topics. */
MUST_CHECK bool topic_check_end(struct topic_check *topics, struct error *err);

/* A projection by stream: each row against the fold of its stream. */
MUST_CHECK bool verify_rows(struct verifier *v, const struct projection *projection,
                            struct error *err);

/* A roll-up: each row against the sum of what its events carry. */
MUST_CHECK bool verify_sums(struct verifier *v, const struct projection *projection,
                            struct error *err);

/* A projection that was brought as a file: each row against what its statements make of the log. */
MUST_CHECK bool verify_sql(struct verifier *v, const struct projection *projection,
                           struct error *err);

#endif
