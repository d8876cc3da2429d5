/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the writer's core, shared by writer_core.c (which step is next) and the
 * core_*.c beside it.
 *
 * Threads: the writer's only.
 */
#ifndef DAYBOOK_EVENTLOG_CORE_INTERNAL_H
#define DAYBOOK_EVENTLOG_CORE_INTERNAL_H
#include "eventlog/batch_internal.h"
#include "eventlog/snapshot_internal.h"
#include "eventlog/writer_core.h"

enum core_state {
    CORE_IDLE,     /* no batch; what waits is in `pending` */
    CORE_PLANNING, /* a batch, no lock */
    CORE_LOCKED,   /* a transaction is open and holds the head */
    CORE_DOUBTING, /* the COMMIT's outcome is unknown */
};

/* More than all the new streams of a batch, and what the last one left. */
enum { ID_BLOCKS_MAX = BATCH_EVENTS_MAX / STREAM_IDS_BLOCK + 2 };

struct stream_ids {
    int64_t firsts[ID_BLOCKS_MAX];
    size_t count;
    size_t used; /* of the first block */
};

struct writer_core {
    struct core_config config;
    struct cache cache;
    struct category_set categories;
    struct stream_ids ids;

    struct plan **pending; /* oldest first; the batch is its beginning */
    size_t pending_count, pending_capacity;
    struct write **finished;
    size_t finished_count, finished_capacity, finished_taken;

    enum core_state state;
    enum core_step step; /* that is being performed */
    int64_t step_began_ms;
    int64_t batch_began_ms;
    struct batch batch;
    struct arena *scratch; /* for what a step needs; cleared after it */
    struct position head;
    int64_t recorded_at_us;

    struct position
        left_at; /* the head, as our last lock found or our last COMMIT left it; -1: not known */
    struct position alone_since; /* behind it everything up to `left_at` is ours */
    bool alone;                  /* the last lock found the head as we had left it */

    bool down; /* the last attempt failed for a transient reason: last_error */
    struct error last_error;
    unsigned attempts; /* since the last success */
    int64_t retry_at_ms;
    int64_t wait_until_ms;
    bool upkeep_due;

    /* After a fault of the data: batches of at most split_max until `suspects` writes are through.
     */
    size_t suspects;
    size_t split_max;

    /* The step's request; arrays in `scratch`. The streams and plans they stand for: */
    struct core_lookups lookups;
    struct batch_stream **known_streams;
    struct batch_stream **named_streams;
    struct plan **key_plans;
    struct batch_stream **id_streams;
    struct plan **id_plans;
    size_t id_plans_count;
    bool found_by_name; /* a stream was, in this step */
    struct core_load *loads;
    struct batch_stream **load_streams;
    size_t loads_count;
    size_t loaded_count; /* rows so far in this step */
    bool load_cut;       /* rows of this step were left out for their bytes */
    struct core_commit commit;
    bool overtaken; /* the COMMIT at once was not made */

    struct core_doubt doubt;
    struct core_expected {
        int64_t stream_id;
        struct version version;
        struct str id;
    } * expected; /* events_count; NULL: COMMIT is under way, and nobody has doubts */
    size_t probed_matching;
    bool probed_foreign;

    struct snapshot *snapshots; /* due, of what was committed */
    size_t snapshots_count, snapshots_capacity;
    size_t refused_count; /* snapshots that could not be read */
    struct error refused_last;
};

/* In core_queue.c. */

void core_finish(struct writer_core *core, struct write *write);
void core_finish_failed(struct writer_core *core, struct write *write, const struct error *err);
void core_shift(struct writer_core *core, size_t count); /* the first COUNT leave the queue */
void core_close_gaps(struct writer_core *core);
/*
 * Answers what is past its deadline among the first COUNT, whose places in the queue become NULL:
 * those of the batch stay so until it ends.
 * *ret_next is the earliest deadline left. False: no write is left.
 */
bool core_expire(struct writer_core *core, size_t count, int64_t now_ms, int64_t *ret_next);
void core_set_code(struct error *err, const char *code);

/* In writer_core.c. */

void core_go_idle(struct writer_core *core);
/* After a fault of the data the limit of a batch doubles back while all goes well. */
void core_suspects_passed(struct writer_core *core, size_t count);

/* In core_look.c, core_load.c. */

void core_forget_head(struct writer_core *core);

/* Fills core->lookups with what is unverified (LOCKED: under the lock) or unknown. False: nothing.
 */
bool core_prepare_lookups(struct writer_core *core, bool lock);
/* The same step without a look: all that is unverified is what the head or a unique index verifies.
 * Behind core_prepare_lookups(core, true). */
bool core_can_commit_at_once(struct writer_core *core);
/* Fills core->loads. False: nothing to load. */
bool core_prepare_loads(struct writer_core *core);
int64_t core_loads_events(const struct writer_core *core); /* that are to be loaded in all */
void core_lookups_done(struct writer_core *core, bool locked);
void core_loads_done(struct writer_core *core);

/* In core_commit.c. */

void core_prepare_commit(struct writer_core *core, bool at_once);
void core_fill_results(struct writer_core *core, struct plan *plan);
void core_committed_bases(struct writer_core *core); /* what is stored now, as the bases say it */
void core_prepare_doubt(struct writer_core *core);

/* In core_snapshot.c. */

/* Which snapshots a load of this stream may begin with: their schema, or 0 for none. */
int32_t core_snapshot_schema(const struct writer_core *core, const struct batch_stream *s);
void core_note_snapshots(struct writer_core *core); /* after a known COMMIT, before batch_keep */
void core_drop_snapshots(struct writer_core *core);

size_t core_ids_left(const struct stream_ids *ids);

#endif
