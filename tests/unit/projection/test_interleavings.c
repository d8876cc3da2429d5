/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two workers, one partition, and everything that may go wrong, in random order: the core of each
 * is driven against a model of the log, of Kafka and of the database. At the end every event must
 * be in the read model exactly once, in order, whatever happened.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "projection/partition_core.h"

Suite *projection_interleavings_suite(void);

enum {
    EVENTS = 60,
    RECORDS_MAX = 400,
    HAND_MAX = 8,
    WORKERS = 2,
    STEPS = 1500,
    CALM_STEPS = 4000,
    SEEDS = 3000,
};

struct record {
    int64_t offset, position, previous;
};

struct world {
    uint64_t random;
    int64_t now_ms;

    /* the log: positions of this partition's events; others lie between */
    int64_t log[EVENTS];
    int log_count;
    int64_t head;

    /* Kafka */
    struct record records[RECORDS_MAX];
    int records_count;
    int64_t end; /* next offset */
    int64_t low; /* retention */
    int64_t entry;
    int published; /* of the log */

    /* the database */
    int64_t epoch;
    struct place checkpoint;
    int64_t applied[EVENTS * 2]; /* positions in the order they were applied */
    int applied_count;

    struct worker {
        struct partition_core core;
        bool assigned; /* as it believes */
        bool fetching;
        int64_t fetch; /* the next offset the poll thread reads */
        struct record hand[HAND_MAX];
        int hand_count;
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

static void append(struct world *w)
{
    if (w->log_count == EVENTS)
        return;
    w->head += 1 + (int64_t)(draw(w) % 4);
    w->log[w->log_count++] = w->head;
    w->head += (int64_t)(draw(w) % 2);
}

static void add_record(struct world *w, int64_t position, int64_t previous)
{
    if (w->records_count == RECORDS_MAX)
        return;
    w->records[w->records_count++] = (struct record){w->end, position, previous};
    w->end += 1 + (int64_t)(draw(w) % 2); /* control records leave holes */
}

/* Publishes the next event; some get lost, as after an accepted loss. */
static void publish(struct world *w, unsigned lost_percent)
{
    int64_t previous = w->published > 0 ? w->log[w->published - 1] : 0;

    if (w->published == w->log_count)
        return;
    if (!chance(w, lost_percent))
        add_record(w, w->log[w->published], previous);
    w->published++;
    if (chance(w, 70))
        w->entry = w->log[w->published - 1];
}

/* A record that was there already, again. */
static void repeat(struct world *w)
{
    struct record again;

    if (w->records_count == 0)
        return;
    again = w->records[draw(w) % (uint64_t)w->records_count];
    add_record(w, again.position, again.previous);
}

static void recreate_topic(struct world *w)
{
    w->records_count = 0;
    w->end = (int64_t)(draw(w) % 5);
    w->low = 0;
}

enum commit { COMMITTED, FENCED, LOST, LOST_BUT_DONE };

/* One transaction: positions and the checkpoint behind them, if the epoch is still the one. */
static enum commit commit(struct world *w, int64_t epoch, const int64_t *positions, int count,
                          struct place to, bool calm)
{
    bool lost = !calm && chance(w, 10);

    if (lost && chance(w, 50))
        return LOST;
    if (epoch != w->epoch)
        return FENCED;
    for (int i = 0; i < count; i++) {
        ck_assert_int_lt(w->applied_count, EVENTS * 2);
        w->applied[w->applied_count++] = positions[i];
    }
    w->checkpoint = to;
    return lost ? LOST_BUT_DONE : COMMITTED;
}

static void tell_failure(struct world *w, struct worker *worker, enum commit result, size_t records)
{
    struct error err;

    error_set(&err, result == FENCED ? ERROR_FENCED : ERROR_TRANSIENT, "code", "text");
    partition_core_failed(&worker->core, &err, records, w->now_ms, draw(w));
}

static void acquire(struct world *w, struct worker *worker, bool calm)
{
    if (!calm && chance(w, 10)) {
        tell_failure(w, worker, LOST, 0);
        return;
    }
    w->epoch++;
    partition_core_acquired(&worker->core, w->epoch, w->checkpoint, POSITION(w->entry), w->now_ms);
}

static void fill(struct world *w, struct worker *worker, bool calm)
{
    struct place to = worker->core.at;
    int64_t positions[EVENTS];
    enum commit result;
    int count = 0;

    /* A slice of a few events. */
    for (int i = 0; i < w->log_count && count < 5; i++)
        if (w->log[i] > to.position.n && w->log[i] <= worker->core.goal.n)
            positions[count++] = w->log[i];
    if (count == 5)
        to.position.n = positions[count - 1];
    else
        to.position.n = worker->core.goal.n < w->head ? worker->core.goal.n : w->head;
    result = commit(w, worker->core.epoch, positions, count, to, calm);
    if (result == COMMITTED)
        partition_core_filled(&worker->core, to.position, POSITION(w->head), w->now_ms, draw(w));
    else
        tell_failure(w, worker, result, (size_t)count);
}

static void note(struct world *w, struct worker *worker, bool calm)
{
    int64_t end = w->end;

    if (!calm && chance(w, 10)) {
        tell_failure(w, worker, LOST, 0);
        return;
    }
    if (chance(w, 30))
        publish(w, 0); /* between the two looks */
    partition_core_noted(&worker->core, (struct kafka_offset){end}, POSITION(w->entry), w->now_ms);
}

static void seek(struct world *w, struct worker *worker)
{
    worker->fetch = worker->core.next.n;
    worker->fetching = true;
    partition_core_sought(&worker->core, w->now_ms);
}

static void fetch(struct world *w, struct worker *worker)
{
    int i = 0;

    if (!worker->fetching)
        return;
    if (worker->fetch < w->low || worker->fetch > w->end) {
        worker->fetching = false;
        partition_core_offset_lost(&worker->core);
        return;
    }
    while (i < w->records_count && w->records[i].offset < worker->fetch)
        i++;
    for (; i < w->records_count && worker->hand_count < HAND_MAX; i++) {
        worker->hand[worker->hand_count++] = w->records[i];
        worker->fetch = w->records[i].offset + 1;
        partition_core_received(&worker->core, w->now_ms);
    }
}

static void read_hand(struct world *w, struct worker *worker, bool calm)
{
    struct place to = worker->core.at;
    int64_t positions[HAND_MAX];
    int count = 0, records = 0;
    enum commit result;

    for (; records < worker->hand_count; records++) {
        struct record_facts facts = {.offset = {worker->hand[records].offset},
                                     .position = {worker->hand[records].position},
                                     .previous = {worker->hand[records].previous}};
        enum record_verdict verdict = partition_core_judge(&to, &facts);

        if (verdict == RECORD_HOLE && records == 0)
            partition_core_hole(&worker->core, facts.previous);
        if (verdict == RECORD_HOLE)
            break;
        if (verdict == RECORD_APPLY)
            positions[count++] = facts.position.n;
    }
    if (records == 0)
        return;
    result = commit(w, worker->core.epoch, positions, count, to, calm);
    if (result != COMMITTED) {
        tell_failure(w, worker, result, (size_t)records);
        return;
    }
    partition_core_committed(&worker->core, to);
    worker->hand_count -= records;
    memmove(worker->hand, worker->hand + records,
            (size_t)worker->hand_count * sizeof(worker->hand[0]));
}

static void step(struct world *w, struct worker *worker, bool calm)
{
    if (!worker->assigned)
        return;
    fetch(w, worker);
    if (chance(w, 20))
        partition_core_entry_seen(&worker->core, POSITION(w->entry), w->now_ms);
    switch (partition_core_phase_due(&worker->core, w->now_ms)) {
    case PARTITION_ACQUIRE:
        acquire(w, worker, calm);
        break;
    case PARTITION_FILL:
        fill(w, worker, calm);
        break;
    case PARTITION_NOTE:
        note(w, worker, calm);
        break;
    case PARTITION_SEEK:
        seek(w, worker);
        break;
    case PARTITION_READ:
        read_hand(w, worker, calm);
        break;
    case PARTITION_WAIT:
        break;
    case PARTITION_BLOCKED:
        ck_abort_msg("nothing here may block");
    }
}

static void assign(struct world *w, struct worker *worker)
{
    *worker = (struct worker){.assigned = true};
    partition_core_init(&worker->core, HAND_MAX, w->now_ms);
}

static void happen(struct world *w)
{
    struct worker *worker = &w->workers[draw(w) % WORKERS];
    unsigned what = (unsigned)(draw(w) % 100);

    w->now_ms += (int64_t)(draw(w) % 200);
    if (what < 12)
        append(w);
    else if (what < 26)
        publish(w, 15);
    else if (what < 29)
        repeat(w);
    else if (what == 29)
        w->low = (int64_t)(draw(w) % (uint64_t)(w->end + 1)); /* retention */
    else if (what == 30 && chance(w, 30))
        recreate_topic(w);
    else if (what == 31)
        assign(w, worker); /* a rebalance, or a restart; the other need not know */
    else if (what == 32)
        worker->assigned = false;
    else if (what == 33)
        partition_core_reconnected(&worker->core);
    else
        step(w, worker, false);
}

/* Everything is published, one worker has the partition, nothing fails any more. */
static void calm_down(struct world *w)
{
    while (w->published < w->log_count)
        publish(w, 15);
    if (w->log_count > 0)
        w->entry = w->log[w->log_count - 1];
    w->workers[1].assigned = false;
    if (!w->workers[0].assigned || chance(w, 50))
        assign(w, &w->workers[0]);
    for (int i = 0; i < CALM_STEPS; i++) {
        w->now_ms += 100;
        step(w, &w->workers[0], true);
    }
}

START_TEST(every_event_is_applied_once_and_in_order)
{
    struct world w = {.random = (uint64_t)_i * 2654435761u + 88172645463325252u, .now_ms = 1};

    w.checkpoint = (struct place){.offset = OFFSET_UNKNOWN};
    for (int i = 0; i < WORKERS; i++)
        partition_core_init(&w.workers[i].core, HAND_MAX, w.now_ms);
    for (int i = 0; i < STEPS; i++)
        happen(&w);
    calm_down(&w);

    for (int i = 0; i < w.applied_count && i < w.log_count; i++)
        ck_assert_msg(w.applied[i] == w.log[i], "seed %d: event %d is at %lld, not %lld", _i, i,
                      (long long)w.applied[i], (long long)w.log[i]);
    ck_assert_msg(w.applied_count == w.log_count, "seed %d: %d of %d events", _i, w.applied_count,
                  w.log_count);
}
END_TEST

Suite *projection_interleavings_suite(void)
{
    Suite *suite = suite_create("projection_interleavings");
    TCase *tc = tcase_create("random");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, every_event_is_applied_once_and_in_order, 0, SEEDS);
    suite_add_tcase(suite, tc);
    return suite;
}
