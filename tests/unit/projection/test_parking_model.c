/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two owners of one partition, an operator, and everything that may go wrong, in random order: what
 * parking_core.h decides is driven against a model of the log and the database. Each event must be
 * applied once, in its stream's order, or be discarded; each letter must be announced once.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "projection/parked_set.h"

Suite *projection_parking_model_suite(void);

enum {
    STREAMS = 5,
    EVENTS = 60,
    LETTERS_MAX = 200,
    BATCH = 4,
    SLICE = 3,
    WORKERS = 2,
    STEPS = 1200,
    CALM_STEPS = 4000,
    SEEDS = 2000,
};

static const char *const names[STREAMS] = {"item-a", "item-b", "item-c", "item-d", "item-e"};

static const struct parking_policy policy = {
    .attempts_max = 3, .first_ms = 100, .max_ms = 1000, .deadline_ms = 100000};

struct event {
    int stream;
    int64_t version;
    bool poison; /* as long as it is not fixed */
};

struct letter {
    int stream;
    int64_t version;
    enum { OPEN, RESOLVED, DISCARDED } state;
    bool requested;
    enum parking_verb verb;
    bool is_announced;
    int announcements;
};

/* What a transaction changes; the database takes all of it or nothing. */
struct database {
    int64_t epoch;
    int64_t position;        /* the checkpoint */
    int64_t rows[STREAMS];   /* versions */
    int applied[EVENTS + 1]; /* by position, how often */
    bool skipped[EVENTS + 1];
    struct letter letters[LETTERS_MAX];
    int letters_count;
    bool parked[STREAMS];
    struct parked_key keys[STREAMS];
};

struct world {
    uint64_t random;
    int64_t now_ms;
    struct event log[EVENTS + 1]; /* by position, from 1 */
    struct database db;
    struct worker {
        bool owns; /* as it believes */
        int64_t epoch;
        int64_t at;
        struct parked_set *parked;
    } workers[WORKERS];
};

static uint64_t draw(struct world *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

static bool chance(struct world *w, unsigned percent)
{
    return draw(w) % 100 < percent;
}

static int stream_of(struct str name)
{
    int i = 0;

    while (!str_equal(name, str_of(names[i])))
        i++;
    return i;
}

/* The database. */

enum commit { COMMITTED, FAILED };

/* AFTER replaces the database if the epoch is still the worker's; what fails leads to acquire. */
static enum commit commit(struct world *w, struct worker *worker, const struct database *after,
                          bool calm)
{
    bool lost = !calm && chance(w, 10);

    if (worker->epoch == w->db.epoch && !(lost && chance(w, 50)))
        w->db = *after;
    else if (!lost) /* fenced */
        lost = true;
    if (lost)
        worker->owns = false;
    return lost ? FAILED : COMMITTED;
}

/* Applies the event at POSITION; in the order of its stream, or the test is over. */
static void apply(struct world *w, struct database *db, int64_t position)
{
    const struct event *event = &w->log[position];

    ck_assert_msg(db->rows[event->stream] == event->version - 1,
                  "version %lld of stream %d on a row at %lld", (long long)event->version,
                  event->stream, (long long)db->rows[event->stream]);
    db->rows[event->stream] = event->version;
    db->applied[position]++;
}

static void acquire(struct world *w, struct worker *worker)
{
    worker->epoch = ++w->db.epoch;
    worker->at = w->db.position;
    worker->owns = true;
    parked_set_clear(worker->parked);
    for (int i = 0; i < STREAMS; i++)
        if (w->db.parked[i])
            parked_set_put(worker->parked, &w->db.keys[i]);
}

static void store(struct database *db, int stream, const struct parked_key *key)
{
    db->parked[stream] = true;
    db->keys[stream] = *key;
    db->keys[stream].tenant = STR("main");
    db->keys[stream].stream = str_of(names[stream]);
}

/* Batches. */

static void batch(struct world *w, struct worker *worker, bool calm)
{
    struct database after = w->db;
    int64_t to = worker->at;

    for (int i = 0; i < BATCH && to < EVENTS; i++) {
        const struct event *event = &w->log[++to];
        struct str name = str_of(names[event->stream]);
        const struct parked_key *known =
            after.parked[event->stream] ? &after.keys[event->stream] : NULL;
        struct parked_key key;

        /* What the owner has in memory is what the database has, or it is fenced. */
        if (worker->epoch == w->db.epoch && i == 0)
            ck_assert_int_eq(known != NULL,
                             parked_set_find(worker->parked, STR("main"), name) != NULL);
        if (known) {
            key = *known;
            key.last = VERSION(event->version);
            store(&after, event->stream, &key);
        } else if (event->poison) {
            key = parking_first(STR("main"), name, VERSION(event->version), VERSION(event->version),
                                &policy, w->now_ms);
            key.position = POSITION(to);
            store(&after, event->stream, &key);
        } else if (worker->epoch == w->db.epoch) {
            apply(w, &after, to);
        }
    }
    after.position = to;
    if (to == worker->at || commit(w, worker, &after, calm) != COMMITTED)
        return;
    worker->at = to;
    for (int i = 0; i < STREAMS; i++)
        if (after.parked[i])
            parked_set_put(worker->parked, &after.keys[i]);
}

/* Tasks. */

static struct parking_outcome work(struct world *w, const struct worker *worker,
                                   enum parking_task task, const struct parked_key *key,
                                   struct database *after)
{
    struct parking_outcome outcome = {.applied = VERSION(key->version.n - 1)};
    int stream = stream_of(key->stream);
    int taken = 0;

    if (task == PARKING_GIVE_UP) {
        outcome.failed = true;
        return outcome;
    }
    for (int64_t at = 1; at <= worker->at && !outcome.failed; at++) {
        const struct event *event = &w->log[at];

        if (event->stream != stream || event->version <= outcome.applied.n)
            continue;
        if (taken++ == SLICE) {
            outcome.more = true;
            break;
        }
        if (task == PARKING_DISCARD && event->version == key->version.n) {
            after->rows[stream] = event->version;
            after->skipped[at] = true;
        } else if (event->poison) {
            outcome.failed = true;
            outcome.failed_position = POSITION(at);
            break;
        } else {
            apply(w, after, at);
        }
        outcome.applied = VERSION(event->version);
    }
    return outcome;
}

static void keep_letter(struct database *db, int stream, struct parking_change *change,
                        int64_t letter)
{
    switch (change->letter) {
    case PARKING_LETTER_NEW:
        ck_assert_int_lt(db->letters_count, LETTERS_MAX - 1);
        change->key.letter = ++db->letters_count;
        db->letters[db->letters_count] =
            (struct letter){.stream = stream, .version = change->key.version.n};
        break;
    case PARKING_LETTER_RESOLVED:
    case PARKING_LETTER_DISCARDED:
    case PARKING_LETTER_FAILED:
        ck_assert_int_eq(db->letters[letter].state, OPEN);
        db->letters[letter].requested = false;
        if (change->letter == PARKING_LETTER_RESOLVED)
            db->letters[letter].state = RESOLVED;
        if (change->letter == PARKING_LETTER_DISCARDED)
            db->letters[letter].state = DISCARDED;
        break;
    case PARKING_LETTER_NONE:
        break;
    }
}

static void do_task(struct world *w, struct worker *worker, enum parking_task task,
                    const struct parked_key *known, int64_t letter, bool calm)
{
    struct database after = w->db;
    struct parked_key key = *known;
    int stream = stream_of(key.stream);
    struct parking_outcome outcome;
    struct parking_change change;

    if (worker->epoch != w->db.epoch) { /* its first statement finds no row */
        worker->owns = false;
        return;
    }
    outcome = work(w, worker, task, &key, &after);
    change = parking_after(&key, task, &outcome, &policy, w->now_ms);
    keep_letter(&after, stream, &change, letter);
    after.parked[stream] = !change.gone;
    if (!change.gone)
        store(&after, stream, &change.key);
    if (commit(w, worker, &after, calm) != COMMITTED)
        return;
    if (change.gone)
        parked_set_remove(worker->parked, STR("main"), str_of(names[stream]));
    else
        parked_set_put(worker->parked, &change.key);
}

static void do_due(struct world *w, struct worker *worker, bool calm)
{
    for (size_t i = 0; worker->owns && i < parked_set_count(worker->parked); i++) {
        const struct parked_key *key = parked_set_at(worker->parked, i);
        enum parking_task task = parking_task_due(key, &policy, w->now_ms);

        if (task != PARKING_NOTHING) {
            do_task(w, worker, task, key, key->letter, calm);
            return;
        }
    }
}

static void do_asked(struct world *w, struct worker *worker, bool calm)
{
    for (int i = 1; i <= w->db.letters_count; i++) {
        const struct letter *letter = &w->db.letters[i];
        const struct parked_key *key;
        enum parking_task task;

        if (!letter->requested)
            continue;
        key = parked_set_find(worker->parked, STR("main"), str_of(names[letter->stream]));
        task = parking_task_asked(key, i, letter->verb);
        /* One open letter a dead stream: an owner that is right never finds it gone. */
        ck_assert(task != PARKING_GONE || worker->epoch != w->db.epoch);
        if (task != PARKING_GONE)
            do_task(w, worker, task, key, i, calm);
        return;
    }
}

static void announce(struct world *w, struct worker *worker, bool calm)
{
    struct database after = w->db;

    for (int i = 1; i <= after.letters_count; i++) {
        after.letters[i].announcements += !after.letters[i].is_announced;
        after.letters[i].is_announced = true;
    }
    commit(w, worker, &after, calm);
}

/* People. */

static void operate(struct world *w, bool discards)
{
    struct letter *letter;

    if (w->db.letters_count == 0)
        return;
    letter = &w->db.letters[1 + draw(w) % (uint64_t)w->db.letters_count];
    if (letter->state != OPEN || letter->requested)
        return;
    letter->requested = true;
    letter->verb = discards ? PARKING_VERB_DISCARD : PARKING_VERB_REDRIVE;
}

static void step(struct world *w, struct worker *worker, bool calm)
{
    if (!worker->owns)
        acquire(w, worker);
    switch (draw(w) % 5) {
    case 0:
    case 1:
        batch(w, worker, calm);
        break;
    case 2:
        do_due(w, worker, calm);
        break;
    case 3:
        do_asked(w, worker, calm);
        break;
    case 4:
        announce(w, worker, calm);
        break;
    }
}

static void happen(struct world *w)
{
    struct worker *worker = &w->workers[draw(w) % WORKERS];
    unsigned what = (unsigned)(draw(w) % 100);

    w->now_ms += (int64_t)(draw(w) % 60);
    if (what < 4)
        worker->owns = false; /* a rebalance, a crash: the other need not know */
    else if (what < 12)
        operate(w, chance(w, 20));
    else if (what < 14)
        w->log[1 + draw(w) % EVENTS].poison = false; /* a fix */
    else
        step(w, worker, false);
}

static void make_log(struct world *w)
{
    int64_t versions[STREAMS] = {0};

    for (int i = 1; i <= EVENTS; i++) {
        int stream = (int)(draw(w) % STREAMS);

        w->log[i] = (struct event){
            .stream = stream, .version = ++versions[stream], .poison = chance(w, 20)};
    }
}

/* One owner, and a person who discards what does not go. */
static void calm_down(struct world *w)
{
    w->workers[1].owns = false;
    w->workers[0].owns = false;
    for (int i = 0; i < CALM_STEPS; i++) {
        w->now_ms += 50;
        operate(w, true);
        step(w, &w->workers[0], true);
    }
}

START_TEST(each_event_is_applied_once_in_order_or_discarded)
{
    struct world *w = calloc(1, sizeof(*w));

    w->random = (uint64_t)_i * 2654435761u + 88172645463325252u;
    w->now_ms = 1;
    for (int i = 0; i < WORKERS; i++)
        w->workers[i].parked = parked_set_new();
    make_log(w);
    for (int i = 0; i < STEPS; i++)
        happen(w);
    calm_down(w);

    ck_assert_int_eq(w->db.position, EVENTS);
    for (int i = 0; i < STREAMS; i++)
        ck_assert_msg(!w->db.parked[i], "seed %d: stream %d is parked", _i, i);
    for (int i = 1; i <= EVENTS; i++)
        ck_assert_msg(w->db.applied[i] + w->db.skipped[i] == 1, "seed %d: event %d %d times", _i, i,
                      w->db.applied[i]);
    for (int i = 1; i <= w->db.letters_count; i++)
        ck_assert_msg(w->db.letters[i].announcements == 1 && w->db.letters[i].state != OPEN,
                      "seed %d: letter %d", _i, i);
    for (int i = 0; i < WORKERS; i++)
        parked_set_free(w->workers[i].parked);
    free(w);
}
END_TEST

Suite *projection_parking_model_suite(void)
{
    Suite *suite = suite_create("projection_parking_model");
    TCase *tc = tcase_create("random");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, each_event_is_applied_once_in_order_or_discarded, 0, SEEDS);
    suite_add_tcase(suite, tc);
    return suite;
}
