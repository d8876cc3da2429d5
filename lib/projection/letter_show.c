/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/arena.h"
#include "base/name.h"
#include "eventlog/read.h"
#include "projection/letter_internal.h"
#include "projection/sql.h"

static bool load_letter(struct pg_conn *conn, int64_t id, struct arena *arena,
                        struct letter_shown *ret, bool *ret_found, struct error *err)
{
    struct letter_filter filter = {.id = id, .any_state = true, .any_generation = true};
    SCOPED_VALUE(letter_statement_release) struct letter_statement s;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    letter_statement_init(&s);
    letter_add_sql(&s, "select ");
    letter_add_sql(&s, letter_columns);
    letter_add_sql(&s, ", l.key, l.value, coalesce(l.value_bytes, -1), l.headers");
    letter_add_sql(&s, letter_from);
    letter_add_where(&s, &filter);
    if (!letter_run(conn, &s, &rows, err))
        return error_wrap(err, "find dead letter %lld", (long long)id);
    *ret_found = pg_rows_count(rows) == 1;
    if (!*ret_found)
        return true;
    letter_read(rows, 0, arena, &ret->letter);
    ret->value_bytes = pg_get_i64(rows, 0, LETTER_COLUMNS + 2);
    ret->key = pg_get_str(rows, 0, LETTER_COLUMNS);
    ret->value = pg_get_str(rows, 0, LETTER_COLUMNS + 1);
    ret->headers = pg_get_str(rows, 0, LETTER_COLUMNS + 3);
    if (ret->key.data)
        ret->key = arena_dup(arena, ret->key);
    if (ret->value.data)
        ret->value = arena_dup(arena, ret->value);
    if (ret->headers.data)
        ret->headers = arena_dup(arena, ret->headers);
    return true;
}

/* The stream from the letter's version on: its event, then what waits behind it. */
static bool load_stream(struct pg_conn *conn, struct arena *arena, struct letter_shown *ret,
                        struct error *err)
{
    const struct letter *letter = &ret->letter;
    struct stream_head head;
    struct event_page page;
    size_t behind;

    if (!stream_read(conn, letter->tenant, letter->stream, letter->version, STREAM_FORWARD,
                     STR_NONE, LETTER_QUEUE_SHOWN_MAX + 1, arena, &head, &page, err))
        return err->class == ERROR_POISON; /* the log lacks a version: nothing to show */
    if (page.count == 0 || page.events[0].version.n != letter->version.n)
        return true;
    ret->has_event = true;
    ret->event = page.events[0];
    behind = page.count - 1;
    ret->queue = page.events + 1;
    ret->queue_count =
        (int64_t)behind < letter->queued_behind ? behind : (size_t)letter->queued_behind;
    return true;
}

static bool load_last_good(struct pg_conn *conn, struct arena *arena, struct letter_shown *ret,
                           struct error *err)
{
    const struct letter *letter = &ret->letter;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_i64(&params, letter->position.n);
    pg_add_i64(&params, LETTER_LAST_GOOD_SCAN);
    pg_add_str(&params, letter->event_type);
    pg_add_str(&params, name_category(letter->stream));
    pg_add_str(&params, letter->projection);
    pg_add_i32(&params, letter->generation);
    if (!pg_query(conn, sql_letter_last_good, &params, &rows, err))
        return error_wrap(err, "find the last good event");
    if (pg_rows_count(rows) == 0)
        return true;
    return log_find_event(conn, POSITION(pg_get_i64(rows, 0, 0)), arena, &ret->last_good,
                          &ret->has_last_good, err);
}

bool letter_show(struct pg_conn *conn, int64_t id, struct arena *arena, struct letter_shown *ret,
                 bool *ret_found, struct error *err)
{
    *ret = (struct letter_shown){0};
    if (!load_letter(conn, id, arena, ret, ret_found, err))
        return false;
    if (!*ret_found || ret->letter.is_record)
        return true;
    return load_stream(conn, arena, ret, err) && load_last_good(conn, arena, ret, err);
}
