/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/status.h"

#include "base/arena.h"
#include "eventlog/processes.h"
#include "postgres/pg.h"
#include "projection/dead_letter.h"
#include "projection/position.h"
#include "projection/sql.h"

/* From bad to good. Partitions that nobody has count as starting while others are had. */
static const struct str words[] = {STR_INIT("blocked"),     STR_INIT("paused"),
                                   STR_INIT("stopped"),     STR_INIT("starting"),
                                   STR_INIT("catching_up"), STR_INIT("running")};
enum {
    WORDS_COUNT = sizeof(words) / sizeof(words[0]),
    WORD_PAUSED = 1,
    WORD_STOPPED = 2,
    WORD_STARTING = 3,
    WORD_CATCHING_UP = 4
};

static size_t rank(struct str word)
{
    size_t i = 0;

    while (i < WORDS_COUNT - 1 && !str_equal(words[i], word))
        i++;
    return i;
}

void projection_status_sum(struct projection_status *status, struct arena *arena)
{
    const struct partition_status *worst = NULL;
    bool all_stopped = true;

    if (status->paused) {
        status->state = words[WORD_PAUSED];
        status->reason = arena_printf(arena, "paused by " STR_FMT, STR_ARG(status->paused_by));
        status->since_us = status->paused_us;
        return;
    }
    for (size_t i = 0; i < status->partitions_count; i++) {
        const struct partition_status *p = &status->partitions[i];

        if (!worst || rank(p->state) < rank(worst->state))
            worst = p;
        all_stopped &= rank(p->state) == WORD_STOPPED;
    }
    if (!worst)
        return;
    status->since_us = worst->since_us;
    status->state = worst->state;
    status->reason = STR_NONE;
    if (status->rebuilding.data && rank(worst->state) >= WORD_CATCHING_UP) {
        status->state = STR("rebuilding"); /* and it works meanwhile as ever */
        status->reason = status->rebuilding;
        return;
    }
    if (rank(worst->state) == WORD_STOPPED && !all_stopped) {
        status->state = words[WORD_STARTING];
        status->reason = arena_printf(arena, "nobody has '" STR_FMT "' partition %d",
                                      STR_ARG(worst->topic), worst->partition);
    } else if (worst->reason.len > 0) {
        status->reason =
            arena_printf(arena, "'" STR_FMT "' partition %d: " STR_FMT, STR_ARG(worst->topic),
                         worst->partition, STR_ARG(worst->reason));
    }
}

static const struct projection_said *said_by_owner(const struct partition_status *p,
                                                   const struct projection_said *said, size_t count)
{
    struct str instance;

    (void)str_split(p->owner, '@',
                    &instance); /* <member>@<instance>; only the latter may have one */
    for (size_t i = 0; i < count; i++)
        if (str_equal(said[i].instance, instance))
            return &said[i];
    return NULL;
}

static bool is_had(const struct partition_status *p)
{
    return rank(p->state) != WORD_STOPPED;
}

void projection_status_hear(struct projection_status *status, const struct projection_said *said,
                            size_t count, struct arena *arena)
{
    bool any_had = false;
    const struct projection_said *worst = NULL;

    for (size_t i = 0; i < status->partitions_count; i++) {
        struct partition_status *p = &status->partitions[i];
        const struct projection_said *word = said_by_owner(p, said, count);

        any_had |= is_had(p);
        if (!word || !is_had(p) || rank(p->state) <= rank(word->state))
            continue;
        p->state = word->state;
        p->reason = word->reason;
        p->since_us = word->since_us;
    }
    projection_status_sum(status, arena);
    for (size_t i = 0; i < count; i++)
        if (!worst || rank(said[i].state) < rank(worst->state))
            worst = &said[i];
    if (any_had || !worst)
        return;
    status->state = worst->state;
    status->reason = worst->reason;
    status->since_us = worst->since_us;
}

static void read_partition(const struct pg_rows *rows, size_t row, struct arena *arena,
                           struct partition_status *ret)
{
    int column = 0;

    ret->topic = arena_dup(arena, pg_get_str(rows, row, column++));
    ret->partition = (int32_t)pg_get_i64(rows, row, column++);
    ret->position = POSITION(pg_get_i64(rows, row, column++));
    ret->offset = (struct kafka_offset){pg_get_i64(rows, row, column++)};
    ret->owner = arena_dup(arena, pg_get_str(rows, row, column++));
    ret->state = arena_dup(arena, pg_get_str(rows, row, column++));
    ret->reason = arena_dup(arena, pg_get_str(rows, row, column++));
    ret->since_us = pg_get_time(rows, row, column++);
    ret->updated_us = pg_get_time(rows, row, column++);
}

static bool load_partitions(struct pg_conn *conn, const struct projection *projection,
                            struct arena *arena, struct projection_status *status,
                            struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(projection->name));
    if (!pg_query(conn, sql_status_load, &params, &rows, err))
        return false;
    status->partitions_count = pg_rows_count(rows);
    status->partitions = ARENA_ARRAY(arena, struct partition_status, pg_rows_count(rows));
    for (size_t i = 0; i < status->partitions_count; i++)
        read_partition(rows, i, arena, &status->partitions[i]);
    return true;
}

static bool load_projection(struct pg_conn *conn, const struct projection *projection,
                            struct arena *arena, struct projection_status *status,
                            struct error *err)
{
    static const char sql[] =
        "select generation, made_at, exists (select from projector_slots s where s.expires_at >"
        " clock_timestamp() and s.consumer_group like '%.' || name || '.' || generation), paused,"
        " paused_by, coalesce(paused_at, made_at), (select 'generation ' || g.generation || ' is ' "
        "||"
        " g.state from generations g where g.projection = name and g.state in ('filling',"
        " 'catching_up')) from projections where name = $1";
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    struct read_position read;
    struct letter_counts counts;

    pg_params_init(&params);
    pg_add_str(&params, str_of(projection->name));
    if (!pg_query(conn, sql, &params, &rows, err) ||
        !read_position_load(conn, projection, &read, err) ||
        !letter_counts_load(conn, str_of(projection->name), &counts, err))
        return false;
    *status = (struct projection_status){.name = str_of(projection->name),
                                         .state = words[WORD_STOPPED],
                                         .position = read.position,
                                         .lag_events = read.head.n - read.position.n,
                                         .lag_ms = read.lag_ms,
                                         .parked_keys = counts.parked_keys,
                                         .dead_letters = counts.letters};
    if (pg_rows_count(rows) == 0)
        return true;
    status->paused = pg_get_bool(rows, 0, 3);
    status->paused_by = arena_dup(arena, pg_get_str(rows, 0, 4));
    status->paused_us = pg_get_time(rows, 0, 5);
    status->rebuilding =
        pg_is_null(rows, 0, 6) ? STR_NONE : arena_dup(arena, pg_get_str(rows, 0, 6));
    status->generation = (int)pg_get_i64(rows, 0, 0);
    status->since_us = pg_get_time(rows, 0, 1);
    if (pg_get_bool(rows, 0, 2)) /* somebody is at it, but has no partition yet */
        status->state = words[WORD_STARTING];
    return true;
}

static bool load_said(struct pg_conn *conn, const struct projection *projection,
                      struct arena *arena, struct projection_said **ret, size_t *ret_count,
                      struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(projection->name));
    pg_add_i64(&params, PROCESS_ALIVE_MS);
    if (!pg_query(conn, sql_status_said, &params, &rows, err))
        return false;
    *ret_count = pg_rows_count(rows);
    *ret = ARENA_ARRAY(arena, struct projection_said, *ret_count);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret)[i] = (struct projection_said){.instance = arena_dup(arena, pg_get_str(rows, i, 0)),
                                             .state = arena_dup(arena, pg_get_str(rows, i, 1)),
                                             .reason = arena_dup(arena, pg_get_str(rows, i, 2)),
                                             .since_us = pg_get_time(rows, i, 3)};
    return true;
}

static bool load_one(struct pg_conn *conn, const struct projection *projection, struct arena *arena,
                     struct projection_status *ret, struct error *err)
{
    struct projection_said *said;
    size_t count;

    if (!load_projection(conn, projection, arena, ret, err) ||
        !load_partitions(conn, projection, arena, ret, err) ||
        !load_said(conn, projection, arena, &said, &count, err))
        return error_wrap(err, "load the status of projection '%s'", projection->name);
    projection_status_hear(ret, said, count, arena);
    return true;
}

bool projection_status_load(struct pg_conn *conn, const struct projection *const *projections,
                            struct arena *arena, struct projection_status **ret, size_t *ret_count,
                            struct error *err)
{
    struct projection_status *all;
    size_t count = 0;

    while (projections[count])
        count++;
    all = ARENA_ARRAY(arena, struct projection_status, count);
    for (size_t i = 0; i < count; i++)
        if (!load_one(conn, projections[i], arena, &all[i], err))
            return false;
    *ret = all;
    *ret_count = count;
    return true;
}
