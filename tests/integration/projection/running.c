/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/projection/running.h"

#include <check.h>
#include <stdio.h>

#include "projection/rebuild_job.h"
#include "tests/integration/projection/items.h"

static const struct job_kind *const kinds[] = {&rebuild_kind, &activate_kind, &rollback_kind, NULL};

struct job_runner *running_jobs(const struct world *world, const char *instance)
{
    struct job_config config = {.postgres = database_config(world->database),
                                .kafka = *fixture_kafka(),
                                .instance = instance,
                                .projections = items_projections,
                                .kinds = kinds,
                                .fill_lanes = 3};
    struct job_runner *runner;
    struct error err = {0};

    ck_ok(job_runner_start(&config, &runner, &err));
    return runner;
}

struct rebuild_asked running_rebuild(struct world *world, const struct projection *projection)
{
    struct rebuild_request request = {.projection = projection, .by = STR("test")};
    struct rebuild_asked asked = {0};
    struct error err = {0};

    ck_ok(rebuild_request(world->conn, &request, &asked, &err));
    return asked;
}

void running_await(struct world *world, int64_t id, const char *state)
{
    char sql[128];

    snprintf(sql, sizeof(sql), "select count(*) from jobs where id = %lld and state = '%s'",
             (long long)id, state);
    world_await_i64(world, sql, 1);
}

void running_done(struct world *world, int64_t id)
{
    running_await(world, id, "done");
}

void running_switch(struct world *world, const struct projection *projection, bool rollback)
{
    struct rebuild_asked asked;
    struct error err = {0};

    ck_ok(activation_request(world->conn, projection, rollback, STR("test"), &asked, &err));
    running_done(world, asked.job);
}

int64_t running_number(struct world *world, const char *sql)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct error err = {0};

    ck_ok(pg_query_once(world->conn, sql, NULL, &rows, &err));
    return pg_get_i64(rows, 0, 0);
}

struct running running_start(void)
{
    struct running r = {.world = world_new()};

    world_append(r.world, 3000, 200, 20);
    world_publish(r.world, WORLD_NONE);
    r.projector = world_start(r.world, "a");
    r.jobs = running_jobs(r.world, "a");
    world_await(r.world);
    return r;
}

void running_stop(struct running *r)
{
    job_runner_stop(r->jobs);
    projector_stop(r->projector);
    world_free(r->world);
}
