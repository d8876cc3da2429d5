/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/eventlog/core_fixture.h"

enum { GIVEN_MAX = 4096 };

struct fake_log *the_log;
struct fake_session the_session;

static struct given {
    struct write *write;
    bool finished;
} given[GIVEN_MAX];
static size_t given_count;

void core_set_up(void)
{
    struct core_config config = fake_core_config();

    given_count = 0;
    the_log = fake_log_new();
    fake_session_start(&the_session, the_log, &config);
}

static void collect(void)
{
    struct write *write;

    while ((write = core_take_finished(the_session.core)) != NULL) {
        size_t i = 0;

        while (i < given_count && given[i].write != write)
            i++;
        ck_assert_uint_lt(i, given_count);
        ck_assert(!given[i].finished);
        given[i].finished = true;
    }
}

void core_restart(const struct core_config *config)
{
    collect();
    fake_session_stop(&the_session);
    fake_session_start(&the_session, the_log, config);
}

void core_tear_down(void)
{
    the_session.now_ms = INT64_MAX; /* whatever a test left waiting expires */
    the_session.down = true;
    while (core_waiting(the_session.core) > 0)
        fake_step(&the_session, FAULT_LOST);
    collect();
    for (size_t i = 0; i < given_count; i++)
        write_drop(given[i].write);
    fake_session_stop(&the_session);
    fake_log_free(the_log);
}

struct write *give(struct write *write)
{
    ck_assert_uint_lt(given_count, GIVEN_MAX);
    given[given_count++] = (struct given){write, false};
    core_add(the_session.core, write);
    return write;
}

struct write *run_one(struct write *write)
{
    give(write);
    fake_run(&the_session);
    return write;
}

bool is_finished(const struct write *write)
{
    collect();
    for (size_t i = 0; i < given_count; i++) {
        if (given[i].write == write)
            return given[i].finished;
    }
    return false;
}
