/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One write on its way: what a client asked for, and what came of it.
 *
 * Filled by the submitter, given to writer_submit(), owned by the writer until `done` is called,
 * exactly once. Everything it points to lives in its arena or longer.
 *
 * Threads: the submitter's, then the writer's, then (in and after `done`) the submitter's again.
 */
#ifndef DAYBOOK_EVENTLOG_WRITE_H
#define DAYBOOK_EVENTLOG_WRITE_H
#include "base/buf.h"
#include "base/error.h"
#include "eventlog/decider.h"
#include "eventlog/event.h"

struct arena;

enum expect { EXPECT_ANY, EXPECT_NONE, EXPECT_EXISTS, EXPECT_EXACT };

struct expectation {
    enum expect kind;
    struct version version; /* EXPECT_EXACT */
};

struct new_event {
    struct str id; /* the client's; data NULL: the writer makes a UUIDv7 */
    struct str type;
    struct str data;
    struct str metadata; /* data NULL: none */
    int64_t occurred_at_us;
};

struct stream_append {
    struct str stream;
    struct expectation expected;
    const struct new_event *events; /* none: the stream is only checked */
    size_t events_count;
};

enum write_kind {
    WRITE_COMMAND, /* a domain decides */
    WRITE_APPEND,  /* the events are given */
    WRITE_GROUP,   /* several commands in one transaction, each with a verdict of its own */
};

enum write_outcome {
    WRITE_APPENDED, /* committed (a command that emits nothing, and any group that is not atomic) */
    WRITE_REPEATED, /* all client-chosen ids were there already, in that order: as then */
    WRITE_REPLAYED, /* the Idempotency-Key was answered before: `answer` is the stored one */
    WRITE_KEY_REUSED, /* the key was used with another request */
    WRITE_KEY_BUSY,   /* the key's first request still runs in this process */
    WRITE_REFUSED,    /* the decider refused: slug, detail, members */
    WRITE_CONFLICT,   /* an expectation is wrong: `conflicts`, all of them */
    WRITE_UNREADABLE, /* a stream can not be folded: `conflicts`[0] names it, its version and event
                         id */
    WRITE_TOO_MANY_CATEGORIES,
    WRITE_FAILED, /* `error` says why; outcome_unknown in it means just that */
};

struct conflict {
    struct str stream;
    struct expectation expected;
    struct version actual;
    struct str event_id;   /* WRITE_UNREADABLE: the event that can not be folded */
    bool ids_partly_there; /* the stream has some of the append's event ids, not all */
};

struct written_event {
    struct position position; /* 0 in a dry run, which promises none */
    struct version version;
    struct str id; /* in a dry run the client's, or data NULL */
    struct str type;
    struct str stream;
    /* Of a dry run only: what would be stored. */
    struct str data;
    struct str metadata; /* data NULL: none */
    int64_t occurred_at_us;
};

struct written_stream {
    struct str stream;
    struct version first_version;  /* of the events written; the version before + 1 when none */
    struct version version;        /* after */
    struct position last_position; /* of the stream, after */
};

/* An HTTP answer as it is stored under an Idempotency-Key. */
struct stored_answer {
    int status;
    struct str headers; /* "Name: value\n" lines */
    struct str body;
};

struct write {
    /* asked */
    enum write_kind kind;
    struct arena
        *arena; /* the submitter's, used by the writer for results; big enough rights to grow */
    struct str tenant;
    struct str credential;      /* whose idempotency keys; "" without authentication */
    struct str idempotency_key; /* data NULL: none */
    struct str request_hash;    /* 16 bytes or so, any */
    struct origin origin;
    int64_t
        deadline_ms; /* monotonic: after it, WRITE_FAILED with code dependency-down or overloaded */

    /* Decided like any other, on verified streams, then undone: its results say what would have
     * come of it. Has no idempotency key. */
    bool dry_run;

    /* WRITE_COMMAND */
    const struct command_type *command;
    void *payload;
    struct str id;               /* of the main stream */
    struct expectation expected; /* of the main stream */
    int64_t occurred_at_us;

    /* WRITE_APPEND: appends and, with no events, checks; a stream at most once */
    const struct stream_append *appends;
    size_t appends_count;

    /*
     * WRITE_GROUP: WRITE_COMMANDs with the group's arena, tenant, credential and origin. A later
     * one sees what the earlier ones append. Only the group is submitted, has a deadline, and is
     * done; its key stores one answer for all of it, a part's key that part's.
     */
    struct write *parts;
    size_t parts_count;
    bool atomic;   /* all of them or none */
    bool key_busy; /* a part, by writer_submit(): its key's first request still runs */

    /* The answer to a success; called on the writer thread before COMMIT when there is a key, and
     * may be called again after a re-decision. Must depend on the results only. */
    void (*compose)(struct write *write, struct stored_answer *ret_answer);
    void (*done)(struct write *write); /* on the writer thread: hand over quickly, do not block */
    void *data;                        /* the submitter's */

    /* came of it */
    enum write_outcome outcome;
    const struct written_event *events;
    size_t events_count;
    const struct written_stream
        *streams; /* [0] is a command's main stream; appends in the order given */
    size_t streams_count;
    struct stored_answer answer; /* WRITE_REPLAYED; or composed, when there was a key */
    const struct conflict *conflicts;
    size_t conflicts_count;
    const struct write *culprit; /* an atomic group has this part's outcome; NULL: its own */
    const char *slug;            /* WRITE_REFUSED */
    struct str detail;
    struct str members; /* JSON members without braces, or empty */
    struct error error;

    /* the writer's own */
    void *plan;
};

#endif
