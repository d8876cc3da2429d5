/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several writers on one log, stepped in random order, with faults at random steps; what must hold
 * whatever happens is checked at the end. Each seed is one run: a failure names it.
 */
#include "base/arena.h"
#include "tests/support/expect.h"
#include "tests/support/writes.h"
#include "tests/unit/eventlog/fake_snapshots.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>

Suite *eventlog_simulation_suite(void);

enum {
    SESSIONS = 3,
    ACCOUNTS = 4,
    WRITES = 60, /* of each session */
    KEYS = 12,
    FIRST_BALANCE = 20,
    STEPS_MAX = 200000,
    DEADLINE_MS = 400,
    GROUP_PARTS_MAX = 5,
    EVENTS_A_WRITE_MAX = 2 * GROUP_PARTS_MAX,
};

struct sim_write {
    struct write *write;
    unsigned session;
    bool finished;
    enum write_outcome outcome;
    bool unknown; /* may be in the log or not */
    int key;      /* or -1 */
};

struct sim {
    uint64_t draws;
    struct fake_log *log;
    struct fake_session sessions[SESSIONS];
    struct sim_write writes[SESSIONS * WRITES];
    size_t writes_count;
    unsigned given[SESSIONS];
    bool busy_keys[SESSIONS][KEYS]; /* what writer_submit refuses */
};

static uint64_t draw(struct sim *sim, uint64_t below)
{
    uint64_t z = (sim->draws += 0x9e3779b97f4a7c15U);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (z ^ (z >> 31)) % below;
}

static struct write *draw_append(struct sim *sim)
{
    char stream[32];
    char ids[32];
    struct write *write;

    snprintf(stream, sizeof(stream), "note-%d", (int)draw(sim, 5));
    snprintf(ids, sizeof(ids), "i%d i%d", (int)draw(sim, 30), (int)(30 + draw(sim, 30)));
    write = write_append(stream, 1 + draw(sim, 2), draw(sim, 3) == 0 ? ids : NULL);
    switch (draw(sim, 4)) {
    case 0:
        write_expect(write, EXACT((int64_t)draw(sim, 12)));
        break;
    case 1:
        write_expect(write, draw(sim, 2) == 0 ? NONE : EXISTS);
        break;
    case 2:
        snprintf(stream, sizeof(stream), "memo-%d", (int)draw(sim, 3));
        write_also(write, stream, ANY, draw(sim, 2), NULL);
        break;
    default:
        break;
    }
    return write;
}

static struct write *draw_group(struct sim *sim)
{
    struct write *group = write_group(draw(sim, 2) == 0);
    uint64_t count = 2 + draw(sim, GROUP_PARTS_MAX - 1);
    char id[16];
    char key[32];

    for (uint64_t i = 0; i < count; i++) {
        snprintf(id, sizeof(id), "%d", (int)draw(sim, ACCOUNTS));
        if (draw(sim, 12) == 0)
            write_part(group, &account_spoil, id, 0);
        else
            write_part(group, &account_give, id, (int64_t)draw(sim, 9));
        if (draw(sim, 4) == 0) {
            snprintf(key, sizeof(key), "part%zu-%d", sim->writes_count, (int)i);
            write_key(&group->parts[i], key, "part");
        }
    }
    return group;
}

static struct write *draw_write(struct sim *sim)
{
    char id[16];

    snprintf(id, sizeof(id), "%d", (int)draw(sim, ACCOUNTS));
    switch (draw(sim, 10)) {
    case 8:
    case 9:
        return draw_group(sim);
    case 0:
        return write_open(id, "0"); /* all exist but those a simulation begins without */
    case 1:
    case 2:
        return write_command(&account_give, id, (int64_t)draw(sim, 9));
    case 3:
        return write_command(&account_touch, id, 0);
    case 4:
        return write_command(&account_spoil, id, 0);
    default:
        return draw_append(sim);
    }
}

static const char *const kind_names[] = {
    [WRITE_COMMAND] = "command", [WRITE_APPEND] = "append", [WRITE_GROUP] = "group"};

static void give_write(struct sim *sim, unsigned session)
{
    struct sim_write *w = &sim->writes[sim->writes_count];
    char key[16];

    *w = (struct sim_write){.session = session, .key = -1, .write = draw_write(sim)};
    if (draw(sim, 8) == 0)
        write_dry(w->write);
    if (!w->write->dry_run && draw(sim, 3) == 0) {
        w->key = (int)draw(sim, KEYS);
        snprintf(key, sizeof(key), "key%d", w->key);
        /* The same request has the same hash; here all requests of a kind are called the same. */
        write_key(w->write, key, kind_names[w->write->kind]);
    }
    if (w->key >= 0 && sim->busy_keys[session][w->key]) {
        write_drop(w->write);
        return;
    }
    if (w->key >= 0)
        sim->busy_keys[session][w->key] = true;
    w->write->deadline_ms = sim->sessions[session].now_ms + DEADLINE_MS;
    sim->writes_count++;
    core_add(sim->sessions[session].core, w->write);
}

static void collect(struct sim *sim, unsigned session)
{
    struct write *write;

    while ((write = core_take_finished(sim->sessions[session].core)) != NULL) {
        size_t i = 0;

        while (sim->writes[i].write != write)
            i++;
        ck_assert_uint_lt(i, sim->writes_count);
        ck_assert(!sim->writes[i].finished);
        ck_assert_uint_eq(sim->writes[i].session, session);
        sim->writes[i].finished = true;
        sim->writes[i].outcome = write->outcome;
        sim->writes[i].unknown = write->outcome == WRITE_FAILED && write->error.outcome_unknown;
        if (sim->writes[i].key >= 0)
            sim->busy_keys[session][sim->writes[i].key] = false;
        if (write->outcome == WRITE_FAILED) { /* the core may look at it no more */
            write_drop(write);
            sim->writes[i].write = NULL;
        }
    }
}

static enum fake_fault draw_fault(struct sim *sim)
{
    static const enum fake_fault faults[] = {FAULT_REFUSED, FAULT_LOST, FAULT_ANSWER_LOST};

    return draw(sim, 12) == 0 ? faults[draw(sim, 3)] : FAULT_NONE;
}

static void step(struct sim *sim, unsigned session)
{
    struct fake_session *s = &sim->sessions[session];
    enum fake_outcome outcome;

    if (draw(sim, 60) == 0)
        s->down = !s->down;
    if (draw(sim, 8) == 0)
        s->step_takes_ms = 1 + (int64_t)draw(sim, 2 * DEADLINE_MS);
    s->drops_snapshots = draw(sim, 3) == 0;
    outcome = fake_step(s, draw_fault(sim));
    collect(sim, session);
    if (outcome == FAKE_WAITING)
        s->now_ms = core_wait_until_ms(s->core);
    if (sim->given[session] < WRITES && (outcome == FAKE_IDLE || draw(sim, 4) == 0)) {
        sim->given[session]++;
        give_write(sim, session);
    }
}

static bool is_over(const struct sim *sim)
{
    for (unsigned i = 0; i < SESSIONS; i++) {
        if (sim->given[i] < WRITES || core_waiting(sim->sessions[i].core) > 0)
            return false;
    }
    return true;
}

static void sim_begin(struct sim *sim, uint64_t seed)
{
    struct core_config config = fake_core_config();

    *sim = (struct sim){.draws = seed, .log = fake_log_new()};
    config.cache_bytes_max = draw(sim, 2) == 0 ? 600 : 1 << 20; /* a small cache evicts */
    config.batch_commands_max = 1 + draw(sim, 20);
    config.snapshot_every = (unsigned)draw(sim, 4);
    for (unsigned i = 0; i < SESSIONS; i++)
        fake_session_start(&sim->sessions[i], sim->log, &config);
    for (int i = 0; i < ACCOUNTS - 1; i++) {
        char stream[32];
        char data[32];

        snprintf(stream, sizeof(stream), "account-%d", i);
        snprintf(data, sizeof(data), "{\"partner\":\"%d\"}", i + 1);
        fake_log_append(sim->log, stream, "Opened", data, NULL);
        snprintf(data, sizeof(data), "{\"amount\":%d}", FIRST_BALANCE);
        fake_log_append(sim->log, stream, "Added", data, NULL);
    }
}

static void sim_end(struct sim *sim)
{
    for (unsigned i = 0; i < SESSIONS; i++)
        fake_session_stop(&sim->sessions[i]);
    for (size_t i = 0; i < sim->writes_count; i++)
        if (sim->writes[i].write != NULL)
            write_drop(sim->writes[i].write);
    fake_log_free(sim->log);
}

static void event_is_in_the_log(const struct sim *sim, const struct written_event *e)
{
    const struct fake_event *stored;
    char stream[64];

    snprintf(stream, sizeof(stream), STR_FMT, STR_ARG(e->stream));
    ck_assert_int_ge(e->position.n, 1);
    ck_assert_uint_le((size_t)e->position.n, sim->log->events_count);
    stored = &sim->log->events[e->position.n - 1];
    EXPECT_STR(e->id, stored->id);
    ck_assert_int_eq(stored->version, e->version.n);
    ck_assert_int_eq(stored->stream_id, fake_log_stream(sim->log, stream)->id);
}

/* Every acknowledged event is in the log, at its place, and acknowledged by one write only. */
static size_t acknowledge(const struct sim *sim, const struct write *w, bool *taken)
{
    size_t acknowledged = 0;

    if ((w->outcome != WRITE_APPENDED && w->outcome != WRITE_REPEATED) || w->dry_run)
        return 0;
    for (size_t i = 0; i < w->parts_count; i++)
        acknowledged += acknowledge(sim, &w->parts[i], taken);
    for (size_t i = 0; i < w->events_count; i++) {
        event_is_in_the_log(sim, &w->events[i]);
        if (w->outcome == WRITE_REPEATED)
            continue;
        ck_assert(!taken[w->events[i].position.n]);
        taken[w->events[i].position.n] = true;
        acknowledged++;
    }
    return acknowledged;
}

static size_t acknowledged_events_are_stored_once(const struct sim *sim)
{
    bool *taken = calloc(sim->log->events_count + 1, sizeof(bool));
    size_t acknowledged = 0;

    for (size_t i = 0; i < sim->writes_count; i++) {
        ck_assert(sim->writes[i].finished);
        if (sim->writes[i].write != NULL)
            acknowledged += acknowledge(sim, sim->writes[i].write, taken);
    }
    free(taken);
    return acknowledged;
}

/* A group's events follow each other without another's between them; an atomic one has all. */
static void groups_are_written_as_one(const struct sim *sim)
{
    for (size_t i = 0; i < sim->writes_count; i++) {
        const struct write *w = sim->writes[i].write;
        int64_t last = 0;

        if (w == NULL || w->kind != WRITE_GROUP || w->outcome != WRITE_APPENDED || w->dry_run)
            continue;
        for (size_t j = 0; j < w->parts_count; j++) {
            const struct write *part = &w->parts[j];

            ck_assert(!w->atomic || part->outcome == WRITE_APPENDED);
            for (size_t k = 0; part->outcome == WRITE_APPENDED && k < part->events_count; k++) {
                ck_assert(last == 0 || part->events[k].position.n == last + 1);
                last = part->events[k].position.n;
            }
        }
    }
}

static size_t events_of_unknown_outcome(const struct sim *sim)
{
    size_t events = 0;

    for (size_t i = 0; i < sim->writes_count; i++) {
        if (sim->writes[i].unknown)
            events += EVENTS_A_WRITE_MAX;
    }
    return events;
}

static void accounts_hold_what_they_began_with(const struct sim *sim)
{
    int64_t total = 0;

    for (int i = 0; i < ACCOUNTS; i++) {
        int64_t balance = 0;
        char stream[32];
        const struct fake_event *e;

        snprintf(stream, sizeof(stream), "account-%d", i);
        for (int64_t v = 1; (e = fake_log_event(sim->log, stream, v)) != NULL; v++)
            ck_assert(account_fold(str_of(e->type), str_of(e->data), &balance));
        ck_assert_int_ge(balance, 0);
        total += balance;
    }
    ck_assert_int_eq(total, (ACCOUNTS - 1) * FIRST_BALANCE);
}

static void no_key_counts_twice(const struct sim *sim)
{
    int appended[KEYS] = {0};

    for (size_t i = 0; i < sim->writes_count; i++) {
        const struct sim_write *w = &sim->writes[i];

        if (w->key >= 0 && (w->outcome == WRITE_APPENDED || w->outcome == WRITE_REPEATED))
            appended[w->key]++;
    }
    for (int i = 0; i < KEYS; i++)
        ck_assert_int_le(appended[i], 1);
}

static void no_client_id_is_twice_in_a_stream(const struct sim *sim)
{
    for (size_t i = 0; i < sim->log->events_count; i++) {
        for (size_t j = i + 1; j < sim->log->events_count; j++)
            ck_assert(sim->log->events[i].stream_id != sim->log->events[j].stream_id ||
                      strcmp(sim->log->events[i].id, sim->log->events[j].id) != 0);
    }
}

/* Whoever took it, and whatever it was taken from: it is the fold of the events up to its version.
 */
static void snapshots_are_what_the_events_say(const struct sim *sim)
{
    for (int i = 0; i < ACCOUNTS; i++) {
        int64_t balance = 0;
        int64_t kept;
        char stream[32];
        const struct fake_snapshot *s;

        snprintf(stream, sizeof(stream), "account-%d", i);
        s = fake_snapshot(sim->log, stream);
        for (int64_t v = 1; s != NULL && v <= s->version; v++) {
            const struct fake_event *e = fake_log_event(sim->log, stream, v);

            ck_assert_ptr_nonnull(e);
            ck_assert(account_fold(str_of(e->type), str_of(e->data), &balance));
        }
        ck_assert(s == NULL || sscanf(s->state, "%" SCNd64, &kept) == 1);
        ck_assert(s == NULL || kept == balance);
    }
}

START_TEST(whatever_happens_the_log_is_right)
{
    static struct sim sim;
    size_t stored_before;
    size_t acknowledged;
    size_t stored;

    sim_begin(&sim, (uint64_t)_i);
    stored_before = sim.log->events_count;
    for (int i = 0; i < STEPS_MAX && !is_over(&sim); i++)
        step(&sim, (unsigned)draw(&sim, SESSIONS));
    ck_assert(is_over(&sim));

    acknowledged = acknowledged_events_are_stored_once(&sim);
    groups_are_written_as_one(&sim);
    stored = sim.log->events_count - stored_before;
    ck_assert_uint_ge(stored, acknowledged);
    ck_assert_uint_le(stored, acknowledged + events_of_unknown_outcome(&sim));
    accounts_hold_what_they_began_with(&sim);
    snapshots_are_what_the_events_say(&sim);
    no_key_counts_twice(&sim);
    no_client_id_is_twice_in_a_stream(&sim);
    sim_end(&sim);
}
END_TEST

Suite *eventlog_simulation_suite(void)
{
    Suite *suite = suite_create("eventlog_simulation");
    TCase *tc = tcase_create("simulation");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, whatever_happens_the_log_is_right, 0, 300);
    suite_add_tcase(suite, tc);
    return suite;
}
