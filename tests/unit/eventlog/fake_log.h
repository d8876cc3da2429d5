/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log in memory on which the writer's core is driven step by step, by one or several sessions,
 * with faults where a test wants them. What PostgreSQL's keys and locks would refuse fails the
 * test: a lock taken twice, a position or a version that does not follow.
 *
 * Threads: owner only.
 */
#ifndef DAYBOOK_TESTS_UNIT_EVENTLOG_FAKE_LOG_H
#define DAYBOOK_TESTS_UNIT_EVENTLOG_FAKE_LOG_H
#include "eventlog/writer_core.h"

struct fake_session;
struct fake_snapshot;

struct fake_stream {
    int64_t id;
    char *tenant;
    char *name;
    int64_t version;
    int64_t first_position;
    int64_t last_position;
};

struct fake_event { /* at position index + 1 */
    int64_t stream_id;
    int64_t version;
    int64_t recorded_at_us;
    char *id;
    char *type;
    char *data;
};

struct fake_answer {
    char *key;
    char *hash;
    int status;
    char *headers;
    char *body;
};

struct fake_log {
    struct fake_stream *streams;
    size_t streams_count, streams_capacity;
    struct fake_event *events;
    size_t events_count, events_capacity;
    struct fake_answer *answers;
    size_t answers_count, answers_capacity;
    char **categories;
    size_t categories_count, categories_capacity;
    struct fake_snapshot *snapshots; /* fake_snapshots.h */
    size_t snapshots_count, snapshots_capacity;
    int64_t next_stream_id;
    const struct fake_session *locked_by;
    bool partition_missing;
    size_t upkeeps;
    size_t commits;
};

struct fake_log *fake_log_new(void);
void fake_log_free(struct fake_log *log);

/* What another process appends between steps. */
void fake_log_append(struct fake_log *log, const char *stream, const char *type, const char *data,
                     const char *id);
void fake_log_answer(struct fake_log *log, const char *key, const char *hash, const char *body);
void fake_log_category(struct fake_log *log, const char *name);
struct fake_stream *fake_log_stream(const struct fake_log *log, const char *name); /* or NULL */
const struct fake_event *fake_log_event(const struct fake_log *log, const char *stream,
                                        int64_t version);

enum fake_fault {
    FAULT_NONE,
    FAULT_REFUSED,     /* the statement fails for a transient reason; the session lives */
    FAULT_LOST,        /* the connection is lost, and what was asked did not happen */
    FAULT_ANSWER_LOST, /* it is lost behind a COMMIT that happened */
    FAULT_DATA,        /* the data's */
    FAULT_FATAL,       /* a broken installation */
};

struct fake_session {
    struct fake_log *log;
    struct writer_core *core;
    int64_t now_ms;
    bool open;
    bool down; /* it can not be opened */
    enum core_step last;
    size_t steps[CORE_UPKEEP + 1]; /* how often each was performed */
    size_t loaded_events;
    int64_t step_takes_ms; /* the next one, and meanwhile writes expire */
    size_t loaded_snapshots;
    bool drops_snapshots; /* what is due is lost */
};

enum fake_outcome {
    FAKE_DONE,    /* a step, or a new connection */
    FAKE_BLOCKED, /* another session holds the lock; nothing happened */
    FAKE_IDLE,    /* nothing to do */
    FAKE_WAITING, /* the core waits for its time */
};

void fake_session_start(struct fake_session *session, struct fake_log *log,
                        const struct core_config *config);
void fake_session_stop(struct fake_session *session);
struct core_config fake_core_config(void); /* of accounts_domain, wide limits */

enum fake_outcome fake_step(struct fake_session *session, enum fake_fault fault);
/* Steps until the last one performed was STEP, or fails the test. */
void fake_run_to(struct fake_session *session, enum core_step step);
/* Steps until it idles; time passes as it wants. */
void fake_run(struct fake_session *session);

#endif
