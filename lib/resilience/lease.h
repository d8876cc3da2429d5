/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leader's lease: one row with holder, expiry and an epoch that only rises. Here is when to ask
 * for it, renew it and stop; the statements are the caller's:
 *
 *   LOOK     read the row
 *   ACQUIRE  set holder to us, epoch to greatest(epoch, lease_epoch_seen()) + 1, and expiry to the
 *            database's now + lease_ms, if it has expired by the database's clock, or if the holder
 *            is us by name and lease_may_take_own()
 *   RENEW    set expiry to the database's now + lease_ms, if holder and epoch are ours
 *   RELEASE  set expiry to the database's now, if holder and epoch are ours
 *
 * The holder measures by its own monotonic clock from before it asked, so its own end comes first
 * however long the answer took; margin_ms covers clocks that differ in speed and the time it needs
 * to stop. A lost answer changes nothing: the end stays where the last known answer put it.
 *
 * The lease keeps two leaders from fighting. It is no proof for what they write: that takes a fence
 * where the writing is done (Kafka's, or the epoch in a statement).
 *
 * Threads: owner only. Time comes in as an argument and must not run backwards.
 */
#ifndef DAYBOOK_RESILIENCE_LEASE_H
#define DAYBOOK_RESILIENCE_LEASE_H
#include <stdbool.h>
#include <stdint.h>

struct lease_policy {
    int64_t lease_ms;  /* how long an update of the row holds */
    int64_t renew_ms;  /* from one renewal to the next; below lease_ms - margin_ms */
    int64_t margin_ms; /* the holder stops this long before the row expires */
    int64_t look_ms;   /* how often another one's lease is looked at */
    int64_t retry_ms;  /* after a statement without an answer */
};

enum lease_action {
    LEASE_WAIT,       /* nothing now; see lease_wait_ms() */
    LEASE_LOOK,       /* then lease_saw() or lease_failed() */
    LEASE_ACQUIRE,    /* then lease_answered() or lease_failed() */
    LEASE_RENEW,      /* the same */
    LEASE_RELEASE,    /* the same */
    LEASE_STAND_DOWN, /* not the leader any more: stop; once for each time it was held */
};

enum lease_state {
    LEASE_STANDING_BY,
    LEASE_HELD,
    LEASE_LEAVING, /* does not want it any more; may have to give it back */
};

struct lease { /* read through the functions below */
    struct lease_policy policy;
    enum lease_state state;
    enum lease_action asked; /* sent, answer outstanding; WAIT: none */
    int64_t asked_ms;
    int64_t next_ms;       /* when to ask next */
    int64_t held_until_ms; /* HELD: stop at */
    int64_t epoch;         /* of the row while it is ours; 0: not ours */
    int64_t epoch_seen;    /* the highest of any answer */
    bool take;             /* the last look found it free */
    bool ousted;           /* somebody of our name took it from us */
    bool stand_down;       /* to be told to the caller */
};

struct lease_row {
    bool mine; /* the holder is us, by name */
    int64_t epoch;
    int64_t left_ms; /* until it expires, by the database's clock; 0 or less: has expired */
};

void lease_init(struct lease *lease, struct lease_policy policy);

/* What to do now. A statement's answer must be told before the next one is asked for. */
enum lease_action lease_next(struct lease *lease, int64_t now_ms);
int64_t lease_wait_ms(const struct lease *lease, int64_t now_ms); /* INT64_MAX: for an answer */

void lease_saw(struct lease *lease, int64_t now_ms, struct lease_row row);
/* UPDATED: a row was; EPOCH: the one it has now, for ACQUIRE. */
void lease_answered(struct lease *lease, int64_t now_ms, bool updated, int64_t epoch);
/* No answer: connection lost, time-out, or an error. It may have been done all the same. */
void lease_failed(struct lease *lease, int64_t now_ms);

/* Stop wanting it, after having stopped to lead: gives it back, so that nobody has to wait. */
void lease_leave(struct lease *lease, int64_t now_ms);
bool lease_left(const struct lease *lease); /* nothing to give back any more */

/* Whether the owner may act as the leader at this moment. */
bool lease_held(const struct lease *lease, int64_t now_ms);
int64_t lease_epoch(const struct lease *lease); /* for RENEW and RELEASE */
int64_t lease_epoch_seen(const struct lease *lease);
bool lease_may_take_own(const struct lease *lease);

#endif
