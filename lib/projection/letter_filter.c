/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/arena.h"
#include "projection/letter_internal.h"

enum { SQL_BYTES_MAX = 8 * 1024 };

const char letter_columns[] =
    "l.id, l.projection, l.generation, l.topic, l.partition, l.kafka_offset, l.kind = 'record',"
    " l.tenant, l.stream, l.version, l.position, l.event_id, l.event_type,"
    " coalesce(k.last_version - k.version, 0), l.state, l.class, l.code, l.message, l.attempts,"
    " l.redrives, l.parked_at, l.failed_at, l.announced_at, l.closed_at, l.closed_by, l.reason";

const char letter_from[] =
    " from dead_letters l left join parked_keys k on k.projection = l.projection"
    " and k.generation = l.generation and k.tenant = l.tenant and k.stream = l.stream"
    " and k.letter = l.id";

void letter_statement_init(struct letter_statement *s)
{
    buf_init(&s->sql, SQL_BYTES_MAX);
    pg_params_init(&s->params);
    s->params_count = 0;
}

void letter_statement_release(struct letter_statement *s)
{
    buf_release(&s->sql);
    pg_params_release(&s->params);
}

void letter_add_sql(struct letter_statement *s, const char *sql)
{
    buf_add_cstr(&s->sql, sql);
}

void letter_add_i64(struct letter_statement *s, int64_t value)
{
    pg_add_i64(&s->params, value);
    buf_printf(&s->sql, "$%d::bigint", ++s->params_count);
}

void letter_add_str(struct letter_statement *s, struct str value)
{
    pg_add_str(&s->params, value);
    buf_printf(&s->sql, "$%d::text", ++s->params_count);
}

static void add_match(struct letter_statement *s, const char *column, struct str value)
{
    if (!value.data)
        return;
    letter_add_sql(s, column);
    letter_add_str(s, value);
}

void letter_add_where(struct letter_statement *s, const struct letter_filter *filter)
{
    letter_add_sql(s, " where true");
    if (filter->id != 0) {
        letter_add_sql(s, " and l.id = ");
        letter_add_i64(s, filter->id);
    }
    add_match(s, " and l.projection = ", filter->projection);
    add_match(s, " and l.state = ", filter->state);
    add_match(s, " and l.tenant = ", filter->tenant);
    add_match(s, " and l.stream = ", filter->stream);
    add_match(s, " and l.event_type = ", filter->event_type);
    add_match(s, " and l.class = ", filter->class);
    add_match(s, " and l.code = ", filter->code);
    /* Written out, so that the index on open ones fits. */
    if (!filter->any_state && !filter->state.data)
        letter_add_sql(s, " and l.state in ('open', 'redriving')");
    if (!filter->any_generation)
        letter_add_sql(s, " and (l.kind = 'record' or l.generation = (select p.generation from"
                          " projections p where p.name = l.projection))");
}

bool letter_run(struct pg_conn *conn, struct letter_statement *s, struct pg_rows **ret_rows,
                struct error *err)
{
    buf_add_char(&s->sql, '\0');
    assert(!s->sql.failed);
    return pg_query_once(conn, s->sql.data, &s->params, ret_rows, err);
}

static struct str text(const struct pg_rows *rows, size_t row, int column, struct arena *arena)
{
    struct str value = pg_get_str(rows, row, column);

    return value.data ? arena_dup(arena, value) : STR_NONE;
}

static int64_t number(const struct pg_rows *rows, size_t row, int column)
{
    return pg_is_null(rows, row, column) ? 0 : pg_get_i64(rows, row, column);
}

static int64_t time_of(const struct pg_rows *rows, size_t row, int column)
{
    return pg_is_null(rows, row, column) ? 0 : pg_get_time(rows, row, column);
}

void letter_read(const struct pg_rows *rows, size_t row, struct arena *arena, struct letter *ret)
{
    *ret = (struct letter){
        .id = pg_get_i64(rows, row, 0),
        .projection = text(rows, row, 1, arena),
        .generation = (int)pg_get_i64(rows, row, 2),
        .topic = text(rows, row, 3, arena),
        .partition = (int32_t)pg_get_i64(rows, row, 4),
        .offset = {pg_get_i64(rows, row, 5)},
        .is_record = pg_get_bool(rows, row, 6),
        .tenant = text(rows, row, 7, arena),
        .stream = text(rows, row, 8, arena),
        .version = VERSION(number(rows, row, 9)),
        .position = POSITION(number(rows, row, 10)),
        .event_id = text(rows, row, 11, arena),
        .event_type = text(rows, row, 12, arena),
        .queued_behind = pg_get_i64(rows, row, 13),
        .state = text(rows, row, 14, arena),
        .class = text(rows, row, 15, arena),
        .code = text(rows, row, 16, arena),
        .message = text(rows, row, 17, arena),
        .attempts = (int)pg_get_i64(rows, row, 18),
        .redrives = (int)pg_get_i64(rows, row, 19),
        .parked_us = pg_get_time(rows, row, 20),
        .failed_us = pg_get_time(rows, row, 21),
        .announced_us = time_of(rows, row, 22),
        .closed_us = time_of(rows, row, 23),
        .closed_by = text(rows, row, 24, arena),
        .reason = text(rows, row, LETTER_COLUMNS - 1, arena),
    };
}
