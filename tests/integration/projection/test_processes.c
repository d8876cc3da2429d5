/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several processes share the partitions; they and the services die in every order.
 * Runs alone: it stops the services that all tests share.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "tests/integration/projection/child.h"
#include "tests/integration/projection/items.h"
#include "tests/integration/projection/world.h"
#include "tests/support/await.h"

Suite *projection_processes_suite(void);

enum { CHILDREN = 3, ROUNDS = 24, ROUND_EVENTS = 150, SESSION_MS = 6000 };

static struct world *world;
static struct child children[CHILDREN];

static void setup(void)
{
    world = world_new();
}

static void teardown(void)
{
    world_free(world);
}

static void start(int index)
{
    char instance[16];

    snprintf(instance, sizeof(instance), "p%d", index);
    child_start(&children[index], world, instance);
}

static void more(int count)
{
    world_append(world, count, 50, 7);
    world_publish(world, WORLD_NONE);
}

static void settle(void)
{
    world_await(world);
    world_check(world);
}

static void control(const char *order)
{
    char command[512];

    ck_assert_msg(getenv("DAYBOOK_TEST_CONTROL") != NULL, "run under scripts/test-services");
    snprintf(command, sizeof(command), "\"$DAYBOOK_TEST_CONTROL\" %s", order);
    /* NOLINTNEXTLINE(cert-env33-c): our own script and words */
    ck_assert_msg(system(command) == 0, "%s", order);
}

START_TEST(processes_share_the_partitions)
{
    for (int i = 0; i < CHILDREN; i++)
        start(i);
    more(300);
    world_await_i64(world,
                    "select count(distinct owner) from checkpoints where projection = 'items' and"
                    " state = 'running'",
                    CHILDREN);
    more(300);
    settle();
    for (int i = 0; i < CHILDREN; i++)
        child_stop(&children[i]);
}
END_TEST

/* With no topic yet, and with one in which nothing happens. */
START_TEST(an_idle_process_rests)
{
    struct child idle;

    if (_i == 0) {
        struct error err = {0};

        ck_ok(kafka_admin_delete(world->admin, world->topic, fixture_deadline(), &err));
    }
    child_start(&idle, world, "idle");
    await_quiet(4000);
    ck_assert_int_lt(child_stop(&idle), 1000);
}
END_TEST

START_TEST(killed_processes_lose_and_double_nothing)
{
    for (int i = 0; i < CHILDREN; i++)
        start(i);
    for (int round = 0; round < ROUNDS; round++) {
        int victim = round % CHILDREN;

        more(ROUND_EVENTS);
        child_kill(&children[victim]);
        start(victim);
        /* Sometimes before the group has settled, sometimes after. */
        await_any_moment(900);
    }
    more(ROUND_EVENTS);
    settle();
    for (int i = 0; i < CHILDREN; i++)
        child_stop(&children[i]);
}
END_TEST

START_TEST(a_killed_process_is_back_before_its_session_ends)
{
    int64_t killed_ms;

    start(0);
    more(300);
    settle();
    child_kill(&children[0]);
    more(300);
    killed_ms = clock_monotonic_ms();
    start(0);
    settle();
    ck_assert_int_lt(clock_monotonic_ms() - killed_ms, SESSION_MS);
    /* Under the same member id: there is no other. */
    world_await_i64(world, "select count(*) from projector_slots", 2);
    child_stop(&children[0]);
}
END_TEST

START_TEST(two_processes_of_one_name_do_not_share_a_member_id)
{
    child_start(&children[0], world, "same");
    child_start(&children[1], world, "same");
    more(300);
    world_await_i64(world,
                    "select count(distinct owner) from checkpoints where projection = 'items' and"
                    " state = 'running'",
                    2);
    settle();
    child_stop(&children[0]);
    child_stop(&children[1]);
}
END_TEST

START_TEST(a_frozen_process_that_wakes_up_harms_nothing)
{
    start(0);
    start(1);
    more(300);
    world_await_i64(world,
                    "select count(distinct owner) from checkpoints where projection = 'items' and"
                    " state = 'running'",
                    2);
    more(300);
    child_signal(&children[0], SIGSTOP);
    more(300);
    /* The group takes its partitions away, and the other goes on. */
    settle();
    more(300);
    child_signal(&children[0], SIGCONT);
    for (int i = 0; i < 10; i++) {
        more(100);
        await_quiet(200);
    }
    settle();
    /* Awake, it has its share again. */
    world_await_i64(world,
                    "select count(distinct owner) from checkpoints where projection = 'items' and"
                    " state = 'running'",
                    2);
    child_stop(&children[0]);
    child_stop(&children[1]);
}
END_TEST

START_TEST(a_restart_of_postgres_loses_and_doubles_nothing)
{
    start(0);
    start(1);
    more(300);
    for (int i = 0; i < 3; i++) {
        more(300);
        control(i == 1 ? "stop postgres" : "kill postgres");
        control("start postgres");
        world_await_i64(world, "select 1", 1);
    }
    more(300);
    settle();
    child_stop(&children[0]);
    child_stop(&children[1]);
}
END_TEST

START_TEST(a_restart_of_kafka_loses_and_doubles_nothing)
{
    start(0);
    start(1);
    more(300);
    for (int i = 0; i < 2; i++) {
        more(300);
        kafka_producer_free(world->producer);
        world->producer = NULL;
        control(i == 1 ? "stop kafka" : "kill kafka");
        control("start kafka");
    }
    more(300);
    settle();
    child_stop(&children[0]);
    child_stop(&children[1]);
}
END_TEST

START_TEST(services_may_come_after_the_process)
{
    more(300);
    kafka_producer_free(world->producer);
    world->producer = NULL;
    control("stop kafka");
    control("stop postgres");
    start(0);
    control("start postgres");
    control("start kafka");
    world_await_i64(world, "select 1", 1);
    more(300);
    settle();
    child_stop(&children[0]);
}
END_TEST

START_TEST(stopping_does_not_wait_for_a_database_that_is_away)
{
    int64_t began_ms;

    start(0);
    more(300);
    settle();
    control("stop postgres");
    began_ms = clock_monotonic_ms();
    child_stop(&children[0]);
    ck_assert_int_lt(clock_monotonic_ms() - began_ms, 10000);
    control("start postgres");
}
END_TEST

static TCase *case_new(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 180);
    suite_add_tcase(suite, tc);
    return tc;
}

Suite *projection_processes_suite(void)
{
    Suite *suite = suite_create("projection_processes");
    TCase *sharing = case_new(suite, "sharing");
    TCase *killing = case_new(suite, "killing");
    TCase *freezing = case_new(suite, "freezing");
    TCase *services = case_new(suite, "services");

    tcase_add_test(sharing, processes_share_the_partitions);
    tcase_add_test(sharing, two_processes_of_one_name_do_not_share_a_member_id);
    tcase_add_loop_test(sharing, an_idle_process_rests, 0, 2);
    tcase_add_test(killing, killed_processes_lose_and_double_nothing);
    tcase_add_test(killing, a_killed_process_is_back_before_its_session_ends);
    tcase_add_test(freezing, a_frozen_process_that_wakes_up_harms_nothing);
    tcase_add_test(services, a_restart_of_postgres_loses_and_doubles_nothing);
    tcase_add_test(services, a_restart_of_kafka_loses_and_doubles_nothing);
    tcase_add_test(services, services_may_come_after_the_process);
    tcase_add_test(services, stopping_does_not_wait_for_a_database_that_is_away);
    return suite;
}
