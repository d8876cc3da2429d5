/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/checkpoint.h"

#include <assert.h>

#include "postgres/pg.h"
#include "projection/sql.h"

static void add_set(struct pg_params *params, struct checkpoint_set set)
{
    pg_add_str(params, str_of(set.projection));
    pg_add_i32(params, set.generation);
}

bool checkpoint_acquire(struct pg_conn *conn, struct checkpoint_set set, const char *owner,
                        struct checkpoint *checkpoint, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    add_set(&params, set);
    pg_add_str(&params, str_of(checkpoint->topic));
    pg_add_i32(&params, checkpoint->partition);
    pg_add_str(&params, str_of(owner));
    if (!pg_query(conn, sql_checkpoint_acquire, &params, &rows, err))
        return error_wrap(err, "take the checkpoint of '%s' partition %d", checkpoint->topic,
                          checkpoint->partition);

    assert(pg_rows_count(rows) == 1);
    checkpoint->epoch = pg_get_i64(rows, 0, 0);
    checkpoint->at.position = POSITION(pg_get_i64(rows, 0, 1));
    checkpoint->at.offset = (struct kafka_offset){pg_get_i64(rows, 0, 2)};
    return true;
}

void checkpoint_advance_params(struct pg_params *params, struct checkpoint_set set,
                               const struct checkpoint *checkpoints, size_t count)
{
    add_set(params, set);
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_str(params, str_of(checkpoints[i].topic));
    pg_array_close(params);
    pg_array_open(params, PG_INT4);
    for (size_t i = 0; i < count; i++)
        pg_array_i64(params, checkpoints[i].partition);
    pg_array_close(params);
    pg_array_open(params, PG_INT8);
    for (size_t i = 0; i < count; i++)
        pg_array_i64(params, checkpoints[i].epoch);
    pg_array_close(params);
    pg_array_open(params, PG_INT8);
    for (size_t i = 0; i < count; i++)
        pg_array_i64(params, checkpoints[i].at.position.n);
    pg_array_close(params);
    pg_array_open(params, PG_INT8);
    for (size_t i = 0; i < count; i++)
        pg_array_i64(params, checkpoints[i].at.offset.n);
    pg_array_close(params);
}

bool checkpoint_report(struct pg_conn *conn, struct checkpoint_set set,
                       const struct checkpoint *checkpoint, const char *word, const char *reason,
                       struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    add_set(&params, set);
    pg_add_str(&params, str_of(checkpoint->topic));
    pg_add_i32(&params, checkpoint->partition);
    pg_add_i64(&params, checkpoint->epoch);
    pg_add_str(&params, str_of(word));
    pg_add_str(&params, str_of(reason));
    if (!pg_query(conn, sql_checkpoint_report, &params, &rows, err))
        return error_wrap(err, "report the state of '%s' partition %d", checkpoint->topic,
                          checkpoint->partition);
    if (pg_rows_affected(rows) == 0)
        return error_set(err, ERROR_FENCED, "fenced", "'%s' partition %d has another owner",
                         checkpoint->topic, checkpoint->partition);
    return true;
}
