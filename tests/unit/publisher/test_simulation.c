/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two publisher processes in one world, at random: which of them leads, what fails, when they die.
 * The number of a failing test gives its seeds, so it repeats.
 */
#include "base/mem.h"
#include "tests/unit/publisher/process.h"
#include "tests/unit/publisher/world.h"

Suite *publisher_simulation_suite(void);

enum { TESTS = 30, SEEDS = 10, TURNS = 900 };

struct sim {
    uint64_t random;
    struct world *world;
    struct process *processes[2];
    int64_t lease;
};

static uint64_t draw(struct sim *sim, uint64_t below)
{
    sim->random = sim->random * 6364136223846793005u + 1442695040888963407u;
    return (sim->random >> 33) % below;
}

static void grow(struct sim *sim)
{
    static const char *const categories[] = {"order", "stock", "feed"};

    world_append(sim->world, categories[draw(sim, 3)], 9, 1 + (int)draw(sim, 12));
}

/* The lease goes to one of them, or to nobody; who had it may not have noticed. */
static void change_leader(struct sim *sim)
{
    struct process *next = sim->processes[draw(sim, 2)];

    if (draw(sim, 3) > 0)
        sim->processes[0]->lease = sim->processes[1]->lease = 0;
    next->lease = ++sim->lease;
}

static void kill_one(struct sim *sim)
{
    size_t i = draw(sim, 2);
    int64_t lease = sim->processes[i]->lease;

    process_free(sim->processes[i]);
    sim->processes[i] = process_new(sim->world, lease > 0 ? ++sim->lease : 0);
}

static void misfortune(struct sim *sim)
{
    switch (draw(sim, 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        sim->world->fault = (enum publish_fault)draw(sim, PUBLISH_FENCED + 1);
        sim->world->fault_at = draw(sim, 10);
        sim->world->lost_markers = draw(sim, 1 << 16);
        return;
    case 5:
    case 6:
        sim->world->fail_next = true;
        return;
    case 7:
        sim->processes[draw(sim, 2)]->doubt = true;
        return;
    case 8:
        sim->world->connects++;
        return;
    case 9:
        change_leader(sim);
        return;
    default:
        kill_one(sim);
        return;
    }
}

static void turn(struct sim *sim)
{
    if (sim->world->head < WORLD_EVENTS_MAX - 100 && draw(sim, 4) == 0)
        grow(sim);
    if (draw(sim, 8) == 0)
        misfortune(sim);
    process_step(sim->processes[draw(sim, 2)]);
}

static void simulate(uint64_t seed)
{
    struct sim sim = {.random = seed, .world = world_new()};

    sim.processes[0] = process_new(sim.world, 0);
    sim.processes[1] = process_new(sim.world, 0);
    change_leader(&sim);
    for (int i = 0; i < TURNS; i++)
        turn(&sim);

    sim.world->fault = PUBLISH_WELL;
    sim.world->fail_next = false;
    sim.processes[0]->lease = 0;
    process_settle(sim.processes[0]);
    sim.processes[1]->lease = ++sim.lease;
    process_settle(sim.processes[1]);
    ck_assert_int_eq(process_state(sim.processes[1]), PUBLISHER_RUNNING);
    world_verify(sim.world, 1);
    ck_assert_int_eq(sim.world->copy.position.n, sim.world->head);

    process_free(sim.processes[0]);
    process_free(sim.processes[1]);
    world_free(sim.world);
}

START_TEST(whatever_happens_each_event_is_in_kafka_once_and_in_order)
{
    for (int i = 0; i < SEEDS; i++)
        simulate((uint64_t)_i * SEEDS + (uint64_t)i);
}
END_TEST

Suite *publisher_simulation_suite(void)
{
    Suite *suite = suite_create("publisher_simulation");
    TCase *tcase = tcase_create("simulation");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, whatever_happens_each_event_is_in_kafka_once_and_in_order, 0, TESTS);
    suite_add_tcase(suite, tcase);
    return suite;
}
