/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer without its I/O: says which step is next, is told what came of it, and hands out the
 * finished writes. docs/writer.md explains steps and faults.
 *
 *     core_add(core, write) ...              what waits
 *     switch (core_next(core, now)) ...      perform it; report each row
 *     core_done(core, now)                   or core_failed(core, err, now, draw)
 *     while ((write = core_take_finished(core)) != NULL) ...
 *
 * Time, randomness and ids come in, so tests drive it through every interleaving.
 *
 * Threads: the writer's only.
 */
#ifndef DAYBOOK_EVENTLOG_WRITER_CORE_H
#define DAYBOOK_EVENTLOG_WRITER_CORE_H
#include "base/error.h"
#include "base/scope.h"
#include "base/uuid.h"
#include "eventlog/write.h"

enum {
    CORE_LOAD_EVENTS_MAX = 4096,        /* in one statement */
    CORE_LOAD_BYTES_MAX = 16 << 20,     /* of events' data, passed by one event at most */
    CORE_LOCKED_LOAD_EVENTS_MAX = 1000, /* under the head lock */
    STREAM_IDS_BLOCK = 1024,            /* increment of the sequence stream_ids */
    BATCH_EVENTS_MAX = 32768,           /* whatever the configuration says */
    CORE_LATE_MS = 1000,                /* a batch that takes no longer is seen to its end */
};

struct writer_core;

struct core_config {
    size_t batch_commands_max;
    size_t batch_events_max;
    size_t batch_bytes_max;
    size_t cache_bytes_max;
    size_t categories_max;
    unsigned snapshot_every;             /* events of a stream; 0: neither written nor read */
    const struct domain *const *domains; /* ends with NULL; may be NULL */
    struct uuid (*new_id)(void);
};

struct writer_core *core_new(const struct core_config *config);
void core_free(struct writer_core *core); /* must hold no writes */
SCOPED_DEFINE(struct writer_core *, core_free);

void core_add(struct writer_core *core, struct write *write);
size_t
core_waiting(const struct writer_core *core); /* writes it holds, finished ones not counted */
size_t
core_unanswered(const struct writer_core *core); /* the same without those that are given up */
struct write *core_take_finished(struct writer_core *core); /* in order; NULL: none */

enum core_step {
    CORE_NOTHING, /* no writes */
    CORE_WAIT,    /* until core_wait_until_ms() */
    CORE_LOOK,    /* look-ups (core_lookups); with `lock` in a new transaction, else where we are */
    CORE_LOAD,    /* events of streams (core_loads), where we are */
    CORE_ROLLBACK,
    CORE_COMMIT, /* core_commit */
    CORE_PROBE,  /* core_doubt: open a transaction, lock the head, read, roll back */
    CORE_UPKEEP, /* make partitions */
};

/* Asked again before the step was performed, it answers the same. */
enum core_step core_next(struct writer_core *core, int64_t now_ms);
int64_t core_wait_until_ms(const struct writer_core *core); /* CORE_WAIT */

/* The last step was performed, all its rows were reported. */
void core_done(struct writer_core *core, int64_t now_ms);
/* It failed; an open transaction is rolled back by the caller. DRAW: random. In CORE_COMMIT,
 * err->outcome_unknown must be set whenever the COMMIT may have happened. Also for a connection
 * that can not be opened, whatever the last step was. */
void core_failed(struct writer_core *core, const struct error *err, int64_t now_ms, uint64_t draw);
/*
 * For while a step waits for the database: answers what is past its deadline, however long the step
 * takes. The batch's own writes only once it has taken CORE_LATE_MS: in a database that is slow for
 * having much to do, giving up what is half done would leave nothing but half done work.
 */
void core_expire_in_step(struct writer_core *core, int64_t now_ms);
/* There is a new connection. Ask core_next() again before doing anything on it. */
void core_reconnected(struct writer_core *core);

/* For CORE_LOOK. */

struct core_known { /* report where the stored version is another, or the row is gone */
    int64_t stream_id;
    struct version version;
};
struct core_name { /* report where a stream has this name */
    struct str tenant;
    struct str name;
};
struct core_key { /* report where an answer is stored */
    struct str tenant;
    struct str credential;
    struct str key;
};
struct core_event_id { /* report where the stream has this event */
    int64_t stream_id;
    struct str id;
};

struct core_lookups {
    bool lock; /* first BEGIN and take the head: core_head() */
    struct core_known *known;
    size_t known_count;
    struct core_name *names;
    size_t names_count;
    struct core_key *keys;
    size_t keys_count;
    struct core_event_id *event_ids;
    size_t event_ids_count;
    bool categories;  /* all of them: core_category() */
    size_t id_blocks; /* so many values of the sequence: core_id_block() */
};

struct core_stream_row {
    int64_t id; /* 0: gone */
    struct version version;
    struct position first_position;
    struct position last_position;
};

const struct core_lookups *core_lookups(const struct writer_core *core);
void core_head(struct writer_core *core, struct position position, int64_t recorded_at_us);
void core_moved(struct writer_core *core, size_t known, const struct core_stream_row *row);
void core_found(struct writer_core *core, size_t name, const struct core_stream_row *row);
void core_key_found(struct writer_core *core, size_t key, struct str hash,
                    const struct stored_answer *answer);
void core_event_id_found(struct writer_core *core, size_t event_id, struct version version,
                         struct position position);
void core_category(struct writer_core *core, struct str name);
void core_id_block(struct writer_core *core, int64_t first);

/* For CORE_LOAD. */

struct core_load {
    int64_t stream_id;
    struct version after;
    struct version up_to;
    struct position first_position;
    struct position last_position;
    int32_t schema; /* begin with the snapshot of this schema, if there is one; 0: with none */
};

struct core_event_row {
    struct version version;
    int64_t recorded_at_us;
    int64_t occurred_at_us;
    struct str id;
    struct str type;
    struct str data;
};

struct core_snapshot_row {
    struct version version; /* in after + 1 .. up_to */
    struct position position;
    int64_t recorded_at_us;
    int64_t hash;
    struct str state;
};

/* Each stream's snapshot and the events behind it, or its events, in order of version; at most
 * CORE_LOAD_EVENTS_MAX rows in all. Whoever stops at fewer for their bytes says so by
 * core_load_cut(). */
const struct core_load *core_loads(const struct writer_core *core, size_t *ret_count);
void core_snapshot_loaded(struct writer_core *core, size_t load,
                          const struct core_snapshot_row *row);
void core_loaded(struct writer_core *core, size_t load, const struct core_event_row *row);
void core_load_cut(struct writer_core *core);
/* How many snapshots could not be read since it was asked last, and why the last one could not. */
size_t core_refused_snapshots(struct writer_core *core, struct error *ret_last);

/* For CORE_COMMIT. */

struct core_new_stream {
    int64_t id;
    struct str tenant;
    struct str name;
    struct str category;
    struct version version;
    struct position first_position;
    struct position last_position;
};
struct core_moved_stream {
    int64_t id;
    struct version version;
    struct position last_position;
};
struct core_new_event { /* at position base + 1 + index */
    int64_t stream_id;
    struct version version;
    int64_t occurred_at_us;
    struct str id;
    struct str type;
    struct str data;
    struct str metadata; /* data NULL: none */
    const struct origin *origin;
};
struct core_new_answer {
    struct core_key key;
    struct str hash;
    const struct stored_answer *answer;
};

struct core_commit {
    /* A transaction of its own: BEGIN, take the head if it is still at `base` (core_recorded), and
     * all the rest. Where it is not, or a new stream's name is taken: core_overtaken(). */
    bool at_once;
    struct position base;
    int64_t recorded_at_us; /* at_once: not known yet */
    struct core_new_stream *new_streams;
    size_t new_streams_count;
    struct core_moved_stream *moved_streams;
    size_t moved_streams_count;
    struct core_new_event *events;
    size_t events_count;
    struct str *categories;
    size_t categories_count;
    struct core_new_answer *answers;
    size_t answers_count;
    size_t commands_count; /* writes in this batch */
};
const struct core_commit *core_commit(const struct writer_core *core);
void core_recorded(struct writer_core *core, int64_t recorded_at_us);
/* Nothing was committed, and nothing failed: core_done() makes the batch look before its COMMIT. */
void core_overtaken(struct writer_core *core);
bool core_is_overtaken(const struct writer_core *core);

/* States that are due to be kept; after core_done() in no hurry. False: none. *ret is the caller's:
 * snapshot_release(). A new connection drops what was not taken. */
struct snapshot;
bool core_take_snapshot(struct writer_core *core, struct snapshot *ret);

/* For CORE_PROBE. */

struct core_doubt {
    struct position base;
    size_t events_count; /* read positions base + 1 .. base + count, in order */
};
const struct core_doubt *core_doubt(const struct writer_core *core);
void core_probed(struct writer_core *core, struct position position, int64_t stream_id,
                 struct version version, struct str id);

#endif
