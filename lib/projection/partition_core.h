/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker does with one partition: the decisions, without I/O. docs/projection.md has the
 * phases and the faults; tests drive this through every interleaving.
 *
 * The worker asks partition_core_phase_due() what is next, does it, and tells what came of it.
 * Whatever fails leads back to PARTITION_ACQUIRE: the checkpoint is read again under a new epoch,
 * and what is in hand is judged again by position.
 *
 * Threads: the partition's worker only. Time and randomness come in as arguments.
 */
#ifndef DAYBOOK_PROJECTION_PARTITION_CORE_H
#define DAYBOOK_PROJECTION_PARTITION_CORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/units.h"

enum {
    PARTITION_STALL_MS = 5000,       /* nothing came though the cursor says there is more */
    PARTITION_CATCHING_UP_MS = 5000, /* an entry older than this is not reached yet */
};

enum partition_phase {
    PARTITION_ACQUIRE, /* raise the epoch, read the checkpoint: partition_core_acquired() */
    PARTITION_FILL,    /* apply a slice of the log, up to core->goal: partition_core_filled() */
    PARTITION_NOTE,    /* look where the topic ends, then read the entry: partition_core_noted() */
    PARTITION_SEEK,    /* make the poll thread start at core->next: partition_core_sought() */
    PARTITION_READ,    /* apply records: partition_core_judge(), partition_core_committed() */
    PARTITION_WAIT,    /* nothing until core->retry_at_ms */
    PARTITION_BLOCKED, /* nothing until the partition is assigned anew */
};

#define OFFSET_UNKNOWN ((struct kafka_offset){-1})

/* A place in the partition: what is applied, and the offset behind it. */
struct place {
    struct position position;
    struct kafka_offset offset; /* the next to read; OFFSET_UNKNOWN */
};

struct partition_core {
    enum partition_phase phase;
    struct place at;          /* as committed */
    int64_t epoch;            /* ours; 0: none yet */
    bool started;             /* the poll thread delivers records */
    bool offset_lost;         /* the checkpoint's offset is not in Kafka any more */
    struct position goal;     /* PARTITION_FILL: the log up to here */
    struct kafka_offset next; /* PARTITION_SEEK: where to start */
    unsigned attempts;        /* failures since the phase that failed last succeeded */
    enum partition_phase failed_in;
    int64_t retry_at_ms;
    size_t batch_max; /* records a batch, halved while the database refuses data */
    size_t batch_max_normal;
    bool alone;               /* the last batch was refused: not together with other partitions */
    bool culprit;             /* the batch that was refused had one event: it is the culprit */
    int64_t progress_ms;      /* when a record or an entry last came */
    struct position awaited;  /* an entry of the cursor not reached yet; 0: none */
    int64_t awaited_since_ms; /* when it was seen */
    bool behind;              /* reaching one took too long */
    char reason[ERROR_TEXT_MAX]; /* of PARTITION_WAIT and PARTITION_BLOCKED */
    char code[ERROR_CODE_MAX];
};

void partition_core_init(struct partition_core *core, size_t batch_max, int64_t now_ms);

/* The phase at NOW_MS: a wait that is over becomes PARTITION_ACQUIRE, a stalled read
 * PARTITION_FILL. */
enum partition_phase partition_core_phase_due(struct partition_core *core, int64_t now_ms);
/* When it may be due without anything happening; INT64_MAX: never. */
int64_t partition_core_due_at_ms(const struct partition_core *core);

/* ENTRY: the last position of this partition in the database's copy of the cursor, 0 if none, read
 * after the epoch was raised. */
void partition_core_acquired(struct partition_core *core, int64_t epoch, struct place checkpoint,
                             struct position entry, int64_t now_ms);
/* The log up to TO is applied; HEAD was the log's then. DRAW is random. */
void partition_core_filled(struct partition_core *core, struct position to, struct position head,
                           int64_t now_ms, uint64_t draw);
/* END: the offset behind the topic's last committed record, looked at before ENTRY was read. */
void partition_core_noted(struct partition_core *core, struct kafka_offset end,
                          struct position entry, int64_t now_ms);
void partition_core_sought(struct partition_core *core, int64_t now_ms);
/* The poll thread found the offset gone (retention, a new topic). */
void partition_core_offset_lost(struct partition_core *core);
/* The poll thread could not start. */
void partition_core_start_failed(struct partition_core *core, const struct error *err,
                                 int64_t now_ms, uint64_t draw);
/* The database may be another server now. */
void partition_core_reconnected(struct partition_core *core);
/* Records that came from Kafka are in hand. */
void partition_core_received(struct partition_core *core, int64_t now_ms);
/* The entry as it is now: notices a loss at the end of the partition, and lag. */
void partition_core_entry_seen(struct partition_core *core, struct position entry, int64_t now_ms);
/* A batch that ends at TO is committed. */
void partition_core_committed(struct partition_core *core, struct place to);
/* A batch of RECORDS (0: not a batch) failed. DRAW is random. Data the database refuses makes
 * batches smaller, until core->culprit is set: the next one has to park that event. */
void partition_core_failed(struct partition_core *core, const struct error *err, size_t records,
                           int64_t now_ms, uint64_t draw);
/* Nothing goes on here until the partition is assigned anew. */
void partition_core_block(struct partition_core *core, const char *code, const char *reason);

struct record_facts {
    bool foreign; /* malformed, another log's, another partition's */
    struct kafka_offset offset;
    struct position position;
    struct position previous; /* of this partition, as its publisher saw it */
};

enum record_verdict {
    RECORD_APPLY,
    RECORD_DUPLICATE, /* only the offset moves */
    RECORD_FOREIGN,   /* the same; it becomes a letter */
    RECORD_HOLE,      /* first fill up to its previous: partition_core_hole() */
};

/* Judges a record that follows PLACE, and moves PLACE but for a hole. */
enum record_verdict partition_core_judge(struct place *place, const struct record_facts *facts);
void partition_core_hole(struct partition_core *core, struct position previous);

/* "starting", "catching_up", "running", "paused", "blocked" */
const char *partition_core_word(const struct partition_core *core);

#endif
