/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters as people meet them: list, group by cause, look at one, ask for redrive or discard.
 * What is asked for is carried out by the partition's owner; docs/parking.md has the states.
 *
 * Threads: the connection's owner only. Strings live in the ARENA given.
 */
#ifndef DAYBOOK_PROJECTION_DEAD_LETTER_H
#define DAYBOOK_PROJECTION_DEAD_LETTER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "eventlog/event.h"
#include "resilience/rate.h"

struct arena;
struct pg_conn;

enum {
    LETTERS_LIMIT_MAX = 500,      /* of a page */
    LETTER_GROUPS_MAX = 500,      /* causes, the most frequent first */
    LETTER_REQUEST_MAX = 10000,   /* letters of one request */
    LETTER_REDRIVES_MAX = 3,      /* with the same cause, without force */
    LETTER_QUEUE_SHOWN_MAX = 50,  /* events behind it */
    LETTER_REASON_MAX = 500,      /* bytes of a discard's reason */
    LETTER_LAST_GOOD_SCAN = 5000, /* positions before a letter that are looked at */
    LETTERS_KEPT_DAYS = 30,       /* closed ones, and what was asked of them */
};

struct letter {
    int64_t id;
    struct str projection;
    int generation;
    struct str topic;
    int32_t partition;
    struct kafka_offset offset; /* -1: the event came from the log */
    bool is_record;             /* not ours: foreign or malformed; no stream, no redrive */

    /* of an event */
    struct str tenant;
    struct str stream;
    struct version version;
    struct position position;
    struct str event_id;
    struct str event_type;
    int64_t queued_behind; /* events of its stream that wait for it */

    struct str state; /* "open", "redriving", "resolved", "discarded" */
    struct str class; /* "poison.fold", "poison.constraint", "poison.gap", "poison.foreign" */
    struct str code;
    struct str message;
    int attempts;
    int redrives;         /* in a row that ended with the same cause */
    int64_t parked_us;    /* wall; first failed */
    int64_t failed_us;    /* the last time */
    int64_t announced_us; /* 0: not yet; records never are */
    int64_t closed_us;    /* 0: not closed */
    struct str closed_by; /* data NULL: nobody */
    struct str reason;    /* of a discard; data NULL: none */
};

/* All that is set must fit; data NULL or 0: any. */
struct letter_filter {
    int64_t id;
    struct str projection;
    struct str state; /* data NULL: open and redriving */
    struct str tenant;
    struct str stream;
    struct str event_type;
    struct str class;
    struct str code;
    bool any_state;
    bool any_generation; /* else that of the live table, and records of all */
};

/* Newest first, those with an id below BEFORE (0: from the newest). */
MUST_CHECK bool letters_list(struct pg_conn *conn, const struct letter_filter *filter,
                             int64_t before, size_t limit, struct arena *arena, struct letter **ret,
                             size_t *ret_count, struct error *err);

/* Letters with one cause. */
struct letter_group {
    struct str projection;
    struct str class;
    struct str code;
    struct str event_type; /* data NULL: records */
    int64_t letters;
    int64_t queued_behind;
    int64_t first_failed_us; /* of the oldest one */
    int64_t last_failed_us;
    int64_t sample;     /* id of the newest one */
    struct str message; /* of that */
};

/* The most frequent first, LETTER_GROUPS_MAX at most. */
MUST_CHECK bool letters_group(struct pg_conn *conn, const struct letter_filter *filter,
                              struct arena *arena, struct letter_group **ret, size_t *ret_count,
                              struct error *err);

struct letter_shown {
    struct letter letter;
    bool has_event; /* the log has it */
    struct event event;
    const struct event *queue; /* the first ones behind it, in order */
    size_t queue_count;
    bool has_last_good; /* the last event of its type before it that is applied; looked for in the
                           LETTER_LAST_GOOD_SCAN positions before it */
    struct event last_good;
    /* of a record */
    struct str key; /* data NULL: none */
    struct str value;
    int64_t value_bytes; /* before it was cut; -1: none */
    struct str headers;  /* JSON: [["name", "base64"], ...] */
};

MUST_CHECK bool letter_show(struct pg_conn *conn, int64_t id, struct arena *arena,
                            struct letter_shown *ret, bool *ret_found, struct error *err);

enum letter_verb { LETTER_REDRIVE, LETTER_DISCARD };

struct letter_request {
    enum letter_verb verb;
    struct str by;           /* who asks, for the audit; not empty */
    struct str reason;       /* not empty for LETTER_DISCARD; UTF-8, LETTER_REASON_MAX bytes */
    size_t limit;            /* letters at most, the oldest first; 1..LETTER_REQUEST_MAX */
    struct rate_policy rate; /* per_second 0: all at once */
    bool force;              /* those too that failed LETTER_REDRIVES_MAX times with one cause */
    bool dry_run;            /* only count */
};

struct letter_requested {
    int64_t batch;    /* to ask how far it is; 0: nothing was requested */
    size_t matched;   /* open letters that fit the filter, limit at most */
    size_t requested; /* of them; or would be (dry_run) */
    size_t busy;      /* something was asked for already and not done yet */
    size_t guarded;   /* failed too often with one cause: need force */
    size_t records;   /* not ours: nothing to redrive */
    int64_t until_ms; /* when the last one may begin, by the rate */
};

/*
 * Asks for the letters that fit FILTER, with its audit, in one transaction. A discard of a record
 * is done at once. Rows in the order of letters are locked: two at once do not deadlock, and one
 * letter is never asked for twice.
 */
MUST_CHECK bool letters_request(struct pg_conn *conn, const struct letter_filter *filter,
                                const struct letter_request *request, struct arena *arena,
                                struct letter_requested *ret, struct error *err);

struct letter_batch {
    int64_t total; /* 0: there is no such batch */
    int64_t done;
    int64_t resolved;
    int64_t discarded;
    int64_t failed;
    int64_t gone; /* the letter was closed meanwhile */
    int64_t cancelled;
};
MUST_CHECK bool letter_batch_find(struct pg_conn *conn, int64_t batch, struct letter_batch *ret,
                                  struct error *err);

/* What of a batch was not carried out yet will not be. BY for the audit. */
MUST_CHECK bool letter_batch_cancel(struct pg_conn *conn, int64_t batch, struct str by,
                                    size_t *ret_cancelled, struct error *err);

/* Deletes some of the closed letters and requests that are older than LETTERS_KEPT_DAYS. */
MUST_CHECK bool letters_forget(struct pg_conn *conn, struct error *err);

/* How many there are, of the live table; records of all generations. */
struct letter_counts {
    int64_t parked_keys; /* in any state */
    int64_t retrying;
    int64_t dead;
    int64_t releasing;
    int64_t letters; /* open and redriving, of events and records */
};
MUST_CHECK bool letter_counts_load(struct pg_conn *conn, struct str projection,
                                   struct letter_counts *ret, struct error *err);

#endif
