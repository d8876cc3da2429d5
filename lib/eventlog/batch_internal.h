/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch: the writes that share one transaction, the streams they touch, and what was decided.
 *
 * Each stream has a base (what is believed stored) and a working copy (the base plus what earlier
 * writes of the batch append). A decision pass (batch_decide) starts from the bases and changes
 * nothing else, so it can be made again whenever a base turns out to have moved.
 *
 * Threads: the writer's only.
 */
#ifndef DAYBOOK_EVENTLOG_BATCH_INTERNAL_H
#define DAYBOOK_EVENTLOG_BATCH_INTERNAL_H
#include "base/buf.h"
#include "base/name.h"
#include "base/uuid.h"
#include "eventlog/cache_internal.h"
#include "eventlog/table_internal.h"
#include "eventlog/write.h"

struct batch;

enum { NO_INDEX = -1 };

enum stream_knowledge {
    STREAM_UNKNOWN, /* has to be looked for */
    STREAM_ABSENT,  /* not there, or expected not to be */
    STREAM_FOUND,   /* base has id and version */
};

struct batch_stream {
    struct stream_base *base;
    enum stream_knowledge knowledge;
    bool verified; /* the base was seen to be true under the lock held now */

    bool asked;            /* a write lacks it: needed before the next pass */
    bool used;             /* a decision rests on it */
    bool wants_state;      /* a command looks at it: appended events must be folded */
    bool snapshot_refused; /* it is damaged: load from the first event */

    /* The stored events can not be folded from here on. */
    bool unreadable;
    struct version bad_version;
    struct str bad_event_id; /* in the batch's arena, or data NULL: the event is missing */

    /* The working copy. */
    struct version version;
    void *state;         /* own clone; NULL: the base's, as long as nothing was appended */
    bool broken;         /* a raw event of this batch can not be folded */
    int64_t last_index;  /* of the last event this batch appends to it, or NO_INDEX */
    int64_t first_index; /* of the first one */
    bool touched;        /* since the mark: `before` of batch_mark has it as it was */
};

/* A working copy as it was at the mark. */
struct stream_before {
    struct batch_stream *stream;
    struct version version;
    void *state; /* its own; NULL: it had none */
    bool broken;
    int64_t last_index;
    int64_t first_index;
};

/* How far a pass was when a write began that may be undone as a whole. */
struct batch_mark {
    bool set;
    size_t events_count;
    size_t bytes;
    size_t data_len;
    size_t categories_count;
    struct stream_before *before; /* heap; of the streams touched since */
    size_t before_count, before_capacity;
};

/* An event to be appended; its position will be the head's + 1 + its index in the batch. */
struct batch_event {
    struct batch_stream *stream;
    struct version version;
    const struct write *write; /* for tenant and origin */
    struct str id;             /* data NULL: of no client's choice; made by batch_name_events */
    struct str type;
    struct str data; /* raw; data NULL: at data_offset in the batch's own buffer */
    size_t data_offset;
    size_t data_len;
    struct str metadata;
    int64_t occurred_at_us;
};

/* An event id of a client's choice that is in a stream. */
struct known_id {
    struct batch_stream *stream;
    struct str id;
    struct version version;
    struct position position; /* stored events */
    int64_t index;            /* events of this batch, else NO_INDEX */
};

/* A stream as one write left it. */
struct plan_stream {
    struct batch_stream *stream;
    struct version before;
    struct version after;
    int64_t last_index;            /* of its last event then, or NO_INDEX: ... */
    struct position last_position; /* ... as stored */
};

/* One write on its way through batches; lives in the write's arena. */
struct plan {
    struct write *write;
    bool settled;      /* its verdict stands whatever a pass says: replayed, reused */
    bool spoilt;       /* failed in this decision: passed over until something has moved */
    bool has_ids;      /* an append has event ids of the client's choice */
    bool key_verified; /* looked up under the lock held now */
    bool ids_verified;
    struct plan *parts; /* of a group */
    size_t parts_count;
    struct plan *group;    /* of a part */
    size_t replayed_bytes; /* of a group: stored answers its parts were given */

    /* The verdict of the last pass. */
    enum write_outcome outcome;
    size_t first_event; /* WRITE_APPENDED: in the batch's events */
    size_t events_count;
    struct plan_stream *streams; /* WRITE_APPENDED, WRITE_REPEATED */
    size_t streams_count;
    const struct known_id **repeated; /* WRITE_REPEATED: events_count of them */
    struct plan *culprit;             /* of an atomic group: the part it fails for */
};

/* What one group may come to, however small its request is. */
enum {
    GROUP_EVENTS_MAX = 10000,
    GROUP_STREAMS_MAX = 10000, /* named, counted for each command */
    GROUP_BYTES_MAX = 16 << 20,
    GROUP_MEMBERS_BYTES_MAX = 8 << 20, /* of its refusals; the rest is told without */
    GROUP_REPLAYED_BYTES_MAX = 8 << 20,
};

/* How much of that the group being decided has used. */
struct group_use {
    size_t events;
    size_t bytes;
    size_t streams;
    size_t members_bytes;
};

struct decision {
    struct batch *batch;
    const struct write *write;
    bool naming; /* `streams` runs: new ones may be named */
    struct batch_stream *streams[DECISION_STREAMS_MAX];
    size_t streams_count;
    struct emitted {
        size_t stream;
        struct domain_event event;
    } emitted[DECISION_EVENTS_MAX];
    size_t emitted_count;
    const char *refusal; /* slug; NULL: not refused */
    struct str detail;
    struct buf members;
};

struct category_set {
    struct category_name {
        char text[NAME_CATEGORY_MAX + 1];
    } * names; /* heap */
    size_t count, capacity;
};
bool category_set_has(const struct category_set *set, struct str name);
void category_set_add(struct category_set *set, struct str name);
void category_set_release(struct category_set *set);

struct batch_limits {
    size_t events_max;
    size_t bytes_max;
    size_t categories_max;
};

struct batch {
    struct batch_limits limits;
    const struct domain *const *domains;
    struct cache *cache;
    struct category_set *categories; /* known to be registered */

    struct arena *arena;
    /* The core's queue; this batch is the first `count` of it. NULL: was answered meanwhile. */
    struct plan **plans;
    size_t count;

    struct batch_stream **streams;
    size_t streams_count, streams_capacity;
    struct table by_name;
    struct table stored_ids; /* known_id: found under a lock; true for ever */

    /* Of the last pass. */
    bool decided;    /* and nothing it rests on has changed since */
    unsigned passes; /* that ended for lack of streams, since the batch was formed */
    struct batch_event *events;
    size_t events_count, events_capacity;
    size_t bytes;
    struct buf data; /* events written by domains */
    struct table own_ids;
    struct category_set new_categories;
    bool categories_wanted; /* a decision rests on how many there are */
    bool categories_listed; /* the known ones are all, under the lock held now */
    struct batch_mark mark;

    struct decision decision; /* the one being made */
    struct group_use *group;  /* whose part it is; NULL: none's */
    struct plan *spoilt;      /* VERDICT_SPOILT */
};

void batch_init(struct batch *batch, const struct domain *const *domains, struct cache *cache,
                struct category_set *categories, struct batch_limits limits);
void batch_release(struct batch *batch);

/* Takes the first COUNT of PLANS: fetches their streams from the cache and asks what is lacking. */
void batch_form(struct batch *batch, struct plan **plans, size_t count);
/* Forgets all, bases included: what was believed may be wrong. */
void batch_drop(struct batch *batch);
/* Gives what was committed back to the cache, and empties the batch. */
void batch_keep(struct batch *batch);
/* The lock is gone: nothing is verified any more. */
void batch_unverify(struct batch *batch);

/*
 * Decides every write in order. True: decided (perhaps fewer writes: the batch ends where a limit
 * was met). False: some streams are `asked` and must be found or loaded first.
 */
MUST_CHECK bool batch_decide(struct batch *batch);

/* Notes where an event id is: in the stored stream, or in this pass's events. */
void batch_store_id(struct batch *batch, struct known_id id);
/* Of one of this pass's events, which is undone. */
void batch_forget_id(struct batch *batch, struct batch_stream *stream, struct str id);

/* Gives ids to the events that have none. */
typedef struct uuid (*new_id_fn)(void);
void batch_name_events(struct batch *batch, new_id_fn new_id);

static inline struct str batch_event_data(const struct batch *batch, const struct batch_event *e)
{
    return e->data.data != NULL ? e->data
                                : str_from(batch->data.data + e->data_offset, e->data_len);
}

/* Between batch.c, batch_stream.c, decide.c and append.c. */

enum verdict {
    VERDICT_DONE,   /* plan->outcome says it */
    VERDICT_LACKS,  /* streams were asked for */
    VERDICT_FULL,   /* the batch must end in front of this write */
    VERDICT_SPOILT, /* batch->spoilt failed (write->error) and has spoilt working copies */
};

enum verdict decide_command(struct batch *batch, struct plan *plan, bool first);
enum verdict decide_append(struct batch *batch, struct plan *plan, bool first);
enum verdict decide_group(struct batch *batch, struct plan *plan, bool first);
/* Asks for the streams a write will need, as far as can be told now. */
void ask_command(struct batch *batch, struct plan *plan);
void ask_append(struct batch *batch, struct plan *plan);
void ask_group(struct batch *batch, struct plan *plan);

size_t
batch_commands(const struct batch *batch); /* its writes, a group's parts counted one by one */

/* The batch's entry, made at first sight (from the cache if it has the stream). */
struct batch_stream *batch_stream(struct batch *batch, struct str tenant, struct str name);
void batch_stream_reset(struct batch_stream *stream); /* the working copy becomes the base again */
static inline bool batch_stream_is_needed(const struct batch_stream *stream)
{
    return stream->asked || stream->used;
}
/* Whether a decision can rest on it: found, and folded if its state is wanted. */
bool batch_stream_ready(const struct batch_stream *stream);
/* The same for a command, which looks at the state; false also while that lags behind this pass. */
bool batch_stream_want_state(struct batch_stream *stream);
const void *batch_stream_state(const struct batch_stream *stream); /* NULL: none, or not loaded */
bool batch_stream_fold(struct batch_stream *stream, const struct domain_event *event,
                       struct error *err); /* onto the working copy */

bool expectation_holds(struct expectation expected, struct version actual);
/* Whether a stream of this category may be begun; notes a new one for registration. */
bool batch_category(struct batch *batch, struct str category);
/* Appends to the events; the caller fills the rest. */
struct batch_event *batch_add_event(struct batch *batch, struct batch_stream *stream,
                                    const struct write *write);

/* All or nothing within a pass: undo.c. */

/* What is decided from here on can be undone, until one of the other two ends it. */
void batch_mark(struct batch *batch);
void batch_undo(struct batch *batch);
void batch_let_stand(struct batch *batch);
/* Before a working copy changes. */
void batch_touch(struct batch *batch, struct batch_stream *stream);

/* What a dry run tells: dry_run.c. */

/* Fills in what an accepted write would append (each accepted part of a group), while its events
 * are there. */
void dry_run_note(struct batch *batch, struct plan *plan);

#endif
