/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills a generation from the log: as many lanes as it was begun with, each on a thread and a
 * connection of its own, up to a target that follows the published cursor.
 */
#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "eventlog/read.h"
#include "projection/rebuild_internal.h"
#include "projection/rebuild_slice.h"
#include "projection/sql.h"
#include "publisher/cursor.h"

enum {
    LANES_MAX = 16,
    FOLLOW_EVENTS = 10000, /* what the cursor went on by is left to the runners below it */
    LANE_WAIT_MS = 100,
    STATEMENT_TIMEOUT_MS = 5000,
};

struct filler { /* one lane */
    struct rebuild *rebuild;
    struct pg_conn *conn;
    struct lane lane;
    struct position target;
    struct thread *thread;
    enum rebuild_end end;
    struct error error;
    int64_t begun_ms;
    int64_t folded;
};

struct fill {
    struct rebuild *rebuild;
    struct cursor cursor; /* as of the target, or later */
    struct filler fillers[LANES_MAX];
    int lanes;
    struct position target;
};

enum rebuild_end rebuild_ended(const struct error *err)
{
    return err->class == ERROR_TRANSIENT || err->class == ERROR_FENCED ? REBUILD_TRY
                                                                       : REBUILD_FAILED;
}

/* A lane's thread. */

/* True: something else is wanted. */
static bool keep_to_rate(struct filler *filler)
{
    struct rebuild *rebuild = filler->rebuild;
    int64_t due_ms;

    if (rebuild->rate == 0)
        return job_call(rebuild->run) != JOB_GO_ON;
    due_ms = filler->begun_ms + filler->folded * 1000 * filler->lane.share.lanes / rebuild->rate;
    while (clock_monotonic_ms() < due_ms)
        if (job_wait(rebuild->run, LANE_WAIT_MS))
            return true;
    return job_call(rebuild->run) != JOB_GO_ON;
}

/* A transient fault: another connection, after a while. True: something else is wanted. */
static bool recover(struct filler *filler, const struct error *why, unsigned *attempts)
{
    struct error err = *why;

    do {
        if (job_wait_out(filler->rebuild->run, &err, attempts))
            return true;
    } while (!pg_open(filler->conn, &err));
    return false;
}

static enum rebuild_end fill_lane(struct filler *filler)
{
    struct lane *lane = &filler->lane;
    struct error *err = &filler->error;
    unsigned attempts = 0;

    while (lane->at.n < filler->target.n) {
        struct slice_count count = {0};

        if (keep_to_rate(filler))
            return REBUILD_CALLED;
        switch (pg_open(filler->conn, err) ? lane_slice(lane, filler->target, &count, err)
                                           : SLICE_FAILED) {
        case SLICE_DONE:
            if (attempts > 0)
                job_say(filler->rebuild->run, "fills from the log");
            attempts = 0;
            filler->folded += count.events;
            job_add_done(filler->rebuild->run, count.events);
            job_add_parked(filler->rebuild->run, count.parked);
            break;
        case SLICE_TAKEN:
            return REBUILD_CHANGED;
        case SLICE_FAILED:
            if (rebuild_ended(err) == REBUILD_FAILED)
                return REBUILD_FAILED;
            /* A COMMIT without an answer may have moved the lane: it is read again. */
            if (err->outcome_unknown)
                return REBUILD_TRY;
            if (recover(filler, err, &attempts))
                return REBUILD_CALLED;
            break;
        }
    }
    return REBUILD_DONE;
}

static void run_lane(void *arg)
{
    struct filler *filler = arg;

    filler->end = fill_lane(filler);
}

/* All lanes up to the target. */

static bool start(struct filler *filler, struct error *err)
{
    struct pg_config postgres = job_config_of(filler->rebuild->run)->postgres;

    if (postgres.statement_timeout_ms == 0 || postgres.statement_timeout_ms > STATEMENT_TIMEOUT_MS)
        postgres.statement_timeout_ms = STATEMENT_TIMEOUT_MS;
    if (!filler->conn)
        filler->conn = pg_new(&postgres, PG_PROFILE_BATCH);
    filler->lane.conn = filler->conn;
    filler->begun_ms = clock_monotonic_ms();
    filler->folded = 0;
    return thread_start(THREAD_PARTITION, "fill", run_lane, filler, &filler->thread, err);
}

/* The most serious end of all. */
static enum rebuild_end join_all(struct fill *fill, struct error *err)
{
    static const enum rebuild_end order[] = {REBUILD_FAILED, REBUILD_CALLED, REBUILD_CHANGED,
                                             REBUILD_TRY};

    for (int i = 0; i < fill->lanes; i++)
        thread_join(TAKE(fill->fillers[i].thread));
    for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++)
        for (int i = 0; i < fill->lanes; i++)
            if (fill->fillers[i].end == order[k]) {
                *err = fill->fillers[i].error;
                return order[k];
            }
    return REBUILD_DONE;
}

static enum rebuild_end run_all(struct fill *fill, struct error *err)
{
    struct error refused;
    bool ok = true;

    for (int i = 0; i < fill->lanes; i++) {
        struct filler *filler = &fill->fillers[i];

        filler->target = fill->target;
        filler->lane.cursor = &fill->cursor;
        filler->end = REBUILD_TRY;
        ok &= start(filler, &refused);
    }
    if (ok)
        return join_all(fill, err);
    (void)join_all(fill, err);
    *err = refused;
    return REBUILD_TRY;
}

/* What the database knows of the fill. */

static void add_generation(struct pg_params *params, const struct rebuild *rebuild)
{
    pg_params_init(params);
    pg_add_str(params, str_of(rebuild->projection->name));
    pg_add_i32(params, rebuild->generation);
}

static bool table_is_there(struct rebuild *rebuild, bool *ret_there, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(rebuild->table->name));
    if (!pg_query(rebuild->conn, "select to_regclass($1) is not null", &params, &rows, err))
        return false;
    *ret_there = pg_get_bool(rows, 0, 0);
    return true;
}

/* Lanes are made once: how many streams each has must not change. */
static bool make_lanes(struct rebuild *rebuild, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    add_generation(&params, rebuild);
    pg_add_i32(&params, (int32_t)job_config_of(rebuild->run)->fill_lanes);
    return pg_query(rebuild->conn,
                    "insert into generation_lanes (projection, generation, lane, lanes)"
                    " select $1, $2, i - 1, $3::integer from generate_series(1, $3) i"
                    " where not exists (select from generation_lanes where projection = $1"
                    " and generation = $2)",
                    &params, NULL, err);
}

static bool make_in_transaction(struct rebuild *rebuild, struct error *err)
{
    bool there;

    return generation_lock(rebuild->conn, rebuild->projection->name, err) &&
           table_is_there(rebuild, &there, err) &&
           (there || pg_script(rebuild->conn, rebuild->table->create, err)) &&
           make_lanes(rebuild, err);
}

static bool make(struct rebuild *rebuild, struct error *err)
{
    if (pg_begin(rebuild->conn, err) && make_in_transaction(rebuild, err) &&
        pg_commit(rebuild->conn, err))
        return true;
    pg_rollback(rebuild->conn);
    return error_wrap(err, "make table '%s'", rebuild->table->name);
}

static bool load_lanes(struct fill *fill, struct error *err)
{
    struct rebuild *rebuild = fill->rebuild;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    int64_t done = 0, total;

    add_generation(&params, rebuild);
    if (!pg_query(rebuild->conn,
                  "select position, events, (select count(*) from parked_keys where projection = $1"
                  " and generation = $2) from generation_lanes"
                  " where projection = $1 and generation = $2 order by lane",
                  &params, &rows, err) ||
        !log_count(rebuild->conn, rebuild->projection->categories, &total, err))
        return false;
    fill->lanes = (int)pg_rows_count(rows);
    assert(fill->lanes <= LANES_MAX);
    for (int i = 0; i < fill->lanes; i++) {
        struct log_lane share = {rebuild->projection->categories, i, fill->lanes};

        lane_init(&fill->fillers[i].lane, NULL, rebuild->table, share,
                  POSITION(pg_get_i64(rows, i, 0)));
        fill->fillers[i].rebuild = rebuild;
        done += pg_get_i64(rows, i, 1);
        job_set_parked(rebuild->run, pg_get_i64(rows, i, 2));
    }
    job_count(rebuild->run, done, total);
    return true;
}

static bool load_target(struct rebuild *rebuild, struct position *ret_target, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_query(rebuild->conn, sql_fill_target, NULL, &rows, err))
        return error_wrap(err, "find how far the log is published");
    *ret_target = POSITION(pg_get_i64(rows, 0, 0));
    return true;
}

/* Checkpoints and state. */

static bool insert_checkpoints(struct fill *fill, struct error *err)
{
    struct rebuild *rebuild = fill->rebuild;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    add_generation(&params, rebuild);
    pg_array_open(&params, PG_TEXT);
    for (size_t i = 0; rebuild->projection->categories[i]; i++)
        pg_array_str(&params, str_of(rebuild->projection->categories[i]));
    pg_array_close(&params);
    pg_add_i64(&params, fill->target.n);
    return pg_query(rebuild->conn, sql_fill_done, &params, NULL, err);
}

static bool hand_over_in_transaction(struct fill *fill, bool *ret_moved, struct error *err)
{
    struct rebuild *rebuild = fill->rebuild;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED_VALUE(pg_params_release) struct pg_params names;

    add_generation(&names, rebuild);
    add_generation(&params, rebuild);
    pg_add_i64(&params, fill->target.n);
    return generation_lock(rebuild->conn, rebuild->projection->name, err) &&
           generation_move(rebuild->conn, rebuild->projection->name, rebuild->generation,
                           GENERATION_FILLING, GENERATION_CATCHING_UP, STR_NONE, ret_moved, err) &&
           pg_query(rebuild->conn,
                    "update generations set target = $3 where projection = $1 and generation = $2",
                    &params, NULL, err) &&
           insert_checkpoints(fill, err) &&
           pg_query(rebuild->conn, sql_fill_parked, &names, NULL, err);
}

static enum rebuild_end hand_over(struct fill *fill, struct error *err)
{
    struct pg_conn *conn = fill->rebuild->conn;
    bool moved = false;

    if (!pg_begin(conn, err))
        return REBUILD_TRY;
    if (hand_over_in_transaction(fill, &moved, err) && moved && pg_commit(conn, err))
        return REBUILD_DONE;
    pg_rollback(conn);
    return moved ? rebuild_ended(err) : REBUILD_CHANGED;
}

/* Topics and their partitions, looked at after the target. */
static bool load_cursor(struct fill *fill, struct error *err)
{
    bool found;

    cursor_release(&fill->cursor);
    return cursor_load(fill->rebuild->conn, &fill->cursor, &found, err);
}

/* The target: the cursor, or where a lane was when the cursor was further. */
static bool next_target(struct fill *fill, struct position *ret_target, struct error *err)
{
    if (!load_target(fill->rebuild, ret_target, err))
        return false;
    for (int i = 0; i < fill->lanes; i++)
        if (fill->fillers[i].lane.at.n > ret_target->n)
            *ret_target = fill->fillers[i].lane.at;
    return load_cursor(fill, err);
}

/* Round after round, as long as each leaves less to do than the one before. */
static enum rebuild_end follow(struct fill *fill, struct error *err)
{
    int64_t gap = INT64_MAX;

    for (;;) {
        struct position target = {0};
        int64_t last_gap = gap;
        enum rebuild_end end;

        if (!next_target(fill, &target, err))
            return rebuild_ended(err);
        gap = target.n - fill->target.n;
        if (gap == 0 || (fill->target.n > 0 && (gap <= FOLLOW_EVENTS || gap >= last_gap)))
            return hand_over(fill, err);
        fill->target = target;
        end = run_all(fill, err);
        if (end != REBUILD_DONE)
            return end;
    }
}

static void release(struct fill *fill)
{
    for (int i = 0; i < fill->lanes; i++) {
        lane_release(&fill->fillers[i].lane);
        pg_free(fill->fillers[i].conn);
    }
    cursor_release(&fill->cursor);
    mem_free(fill);
}

enum rebuild_end rebuild_fill(struct rebuild *rebuild, struct error *err)
{
    struct fill *fill = mem_zalloc(sizeof(*fill));
    enum rebuild_end end;

    fill->rebuild = rebuild;
    job_say(rebuild->run, "fills from the log");
    end = make(rebuild, err) && load_lanes(fill, err) ? follow(fill, err) : rebuild_ended(err);
    release(fill);
    return end;
}
