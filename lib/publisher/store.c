/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/store.h"

#include "base/arena.h"
#include "base/buf.h"
#include "eventlog/read.h"
#include "postgres/pg.h"
#include "publisher/sql.h"

#include <stdio.h>

static const char sql_state[] = "select state, reason, detail, paused from publisher_state";
static const char sql_categories[] = "select name from categories order by name";
/* As if built from another log. */
static const char sql_outdate_projections[] =
    "update projections set log_id = '00000000-0000-0000-0000-000000000000'";
static const char sql_forget_cursor[] = "delete from publisher_cursor";

static bool load_state(struct pg_conn *conn, struct arena *arena, struct pub_facts *facts,
                       struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_query(conn, sql_state, NULL, &rows, err))
        return error_wrap(err, "read the publisher's state");
    if (pg_rows_count(rows) != 1)
        return error_set(err, ERROR_FATAL, "internal-error", "publisher_state has no row");
    facts->paused = pg_get_bool(rows, 0, 3);
    pg_rows_skip(rows);
    if (!str_equal(pg_get_str(rows, 0, 0), str_of(publisher_state_name(PUBLISHER_STOPPED))))
        return true;
    facts->stop_reason = arena_dup(arena, pg_get_str(rows, 0, 1));
    facts->stop_detail = arena_dup(arena, pg_get_str(rows, 0, 2));
    return true;
}

static bool load_categories(struct pg_conn *conn, struct arena *arena, struct pub_facts *facts,
                            struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct str *names;

    if (!pg_query(conn, sql_categories, NULL, &rows, err))
        return error_wrap(err, "read the log's categories");
    facts->categories_count = pg_rows_count(rows);
    names = ARENA_ARRAY(arena, struct str, facts->categories_count);
    for (size_t i = 0; i < facts->categories_count; i++)
        names[i] = arena_dup(arena, pg_get_str(rows, i, 0));
    facts->categories = names;
    return true;
}

bool store_load(struct pg_conn *conn, struct arena *arena, struct log_identity *ret_identity,
                struct cursor *ret_copy, struct pub_facts *ret_facts, struct error *err)
{
    bool found;

    *ret_facts = (struct pub_facts){.log_id = ret_identity->id};
    if (!log_identity_load(conn, ret_identity, err) ||
        !log_read_head(conn, &ret_facts->head, err) || !load_state(conn, arena, ret_facts, err) ||
        !load_categories(conn, arena, ret_facts, err))
        return false;
    cursor_release(ret_copy);
    if (!cursor_load(conn, ret_copy, &found, err))
        return false;
    if (found)
        ret_facts->copy = ret_copy;
    return true;
}

bool store_check(struct pg_conn *conn, struct position position, struct arena *arena,
                 struct position *ret_head, struct str *ret_event_id, struct error *err)
{
    struct event event;
    bool found = false;

    *ret_event_id = STR_NONE;
    if (!log_read_head(conn, ret_head, err))
        return false;
    if (position.n > 0 && !log_find_event(conn, position, arena, &event, &found, err))
        return false;
    if (found)
        *ret_event_id = event.id;
    return true;
}

/* Runs a statement that names our epoch: no row means that a later leader was there. */
static bool write_fenced(struct pg_conn *conn, const char *sql, const struct pg_params *params,
                         const char *what, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_query(conn, sql, params, &rows, err))
        return error_wrap(err, "%s", what);
    if (pg_rows_affected(rows) > 0)
        return true;
    return error_set(err, ERROR_FENCED, "", "%s: another publisher leads", what);
}

static bool save_copy(struct pg_conn *conn, int64_t epoch, const struct store_copy *copy,
                      struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED_VALUE(buf_release) struct buf json = BUF_INIT(CURSOR_BYTES_MAX);
    struct uuid log_id;

    pg_params_init(&params);
    cursor_write(copy->cursor, &json);
    if (json.failed || !uuid_parse(str_of(copy->cursor->log_id), &log_id))
        return error_set(err, ERROR_FATAL, "internal-error", "the cursor cannot be written");
    pg_add_uuid(&params, log_id);
    pg_add_i64(&params, epoch);
    pg_add_i64(&params, copy->cursor->position.n);
    pg_add_str(&params, buf_str(&json));
    pg_add_bool(&params, copy->force);
    return write_fenced(conn, sql_cursor_save, &params, "save the copy of the cursor", err);
}

bool store_save(struct pg_conn *conn, int64_t epoch, const struct store_copy *copy,
                struct error *err)
{
    if (!copy->keys_moved)
        return save_copy(conn, epoch, copy, err);
    if (pg_begin(conn, err) && save_copy(conn, epoch, copy, err) &&
        pg_query(conn, sql_outdate_projections, NULL, NULL, err) && pg_commit(conn, err))
        return true;
    pg_rollback(conn);
    return error_wrap(err, "save a cursor of other partitions");
}

bool store_report(struct pg_conn *conn, int64_t epoch, const char *holder,
                  const struct pub_view *view, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    const char *detail = view->error != NULL ? view->error->text : view->detail;
    const char *reason = view->error != NULL ? view->error->code : view->reason;

    pg_params_init(&params);
    pg_add_i64(&params, epoch);
    pg_add_str(&params, str_of(holder));
    pg_add_str(&params, str_of(publisher_state_name(view->state)));
    pg_add_str(&params, str_of(reason));
    pg_add_str(&params, str_of(detail));
    return write_fenced(conn, sql_state_report, &params, "report the publisher's state", err);
}

static bool parse_request(const struct pg_rows *rows, struct arena *arena,
                          struct pub_request *request)
{
    struct str kind = pg_get_str(rows, 0, 1);

    request->current = pg_get_bool(rows, 0, 2);
    request->position = POSITION(pg_get_i64(rows, 0, 3));
    request->prefix = arena_dup(arena, pg_get_str(rows, 0, 4));
    if (str_equal(kind, STR("pause")))
        request->kind = PUB_PAUSE;
    else if (str_equal(kind, STR("resume")))
        request->kind = PUB_RESUME;
    else
        request->kind = PUB_ACCEPT;
    return request->kind != PUB_ACCEPT || accept_kind_parse(kind, &request->accept);
}

bool store_next_request(struct pg_conn *conn, struct arena *arena, int64_t *ret_id,
                        struct pub_request *ret_request, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    *ret_id = 0;
    if (!pg_query(conn, sql_request_next, NULL, &rows, err))
        return error_wrap(err, "read the requests to the publisher");
    if (pg_rows_count(rows) == 0)
        return true;
    if (!parse_request(rows, arena, ret_request))
        return error_set(err, ERROR_FATAL, "internal-error", "a request of an unknown kind");
    *ret_id = pg_get_i64(rows, 0, 0);
    return true;
}

bool store_done(struct pg_conn *conn, int64_t epoch, const struct store_done *done,
                struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_i64(&params, epoch);
    pg_add_i64(&params, done->request);
    pg_add_str(&params, str_of(done->outcome));
    pg_add_bool(&params, done->paused);
    pg_add_bool(&params, done->clears_stop);
    return write_fenced(conn, sql_request_done, &params, "close the request", err);
}

static bool rename_log(struct pg_conn *conn, struct str prefix, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_uuid(&params, uuid_v7());
    pg_add_str(&params, prefix);
    return pg_query(conn, sql_new_log, &params, NULL, err) &&
           pg_query(conn, sql_forget_cursor, NULL, NULL, err);
}

bool store_new_log(struct pg_conn *conn, int64_t epoch, struct str prefix,
                   const struct store_done *done, struct error *err)
{
    if (pg_begin(conn, err) && rename_log(conn, prefix, err) &&
        store_done(conn, epoch, done, err) && pg_commit(conn, err))
        return true;
    pg_rollback(conn);
    return error_wrap(err, "give the log another identity");
}
