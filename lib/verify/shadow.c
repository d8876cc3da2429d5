/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/shadow_internal.h"

#include "base/buf.h"
#include "base/mem.h"
#include "eventlog/read.h"
#include "postgres/pg.h"
#include "projection/sql_table.h"
#include "projection/table.h"

#include <stdio.h>

enum { STREAM_EVENTS = 500 };

const char shadow_table[] = "daybook_shadow";

static void expand(struct shadow *shadow)
{
    const struct projection_sql *sql = shadow->table->projection->sql;

    for (size_t i = 0; sql->statements[i]; i++) {
        struct buf *text = &shadow->statements[i];

        shadow->reads_events[i] = sql_expand(sql->statements[i], shadow_table, text);
        buf_add_char(text, '\0');
    }
}

/* Temporary tables come before all others of their name. */
static bool create(struct shadow *shadow, struct error *err)
{
    const struct projection_sql *sql = shadow->table->projection->sql;
    SCOPED_VALUE(buf_release) struct buf script = BUF_INIT(SQL_EXPANDED_BYTES_MAX);

    buf_printf(&script, "drop table if exists pg_temp.%s;\n", shadow_table);
    for (size_t i = 0; sql->declarations[i]; i++) {
        (void)sql_expand(sql->declarations[i], i == 0 ? "pg_temp.daybook_shadow" : shadow_table,
                         &script);
        buf_add_cstr(&script, ";\n");
    }
    buf_add_char(&script, '\0');
    return pg_script(shadow->v->conn, script.data, err) ||
           error_wrap(err, "make a temporary table");
}

bool shadow_new(struct verifier *v, const struct table *table, struct shadow **ret,
                struct error *err)
{
    SCOPED(shadow_free) struct shadow *shadow = mem_zalloc(sizeof(*shadow));

    shadow->v = v;
    shadow->table = table;
    shadow->arena = arena_new(0);
    applied_init(&shadow->done, v, table);
    applied_init(&shadow->wanted, v, table);
    for (size_t i = 0; i < TABLE_STATEMENTS_MAX; i++)
        buf_init(&shadow->statements[i], SQL_EXPANDED_BYTES_MAX);
    expand(shadow);
    if (!create(shadow, err))
        return false;
    *ret = TAKE(shadow);
    return true;
}

void shadow_free(struct shadow *shadow)
{
    struct error err;
    char sql[64];

    if (!shadow)
        return;
    snprintf(sql, sizeof(sql), "drop table if exists pg_temp.%s", shadow_table);
    if (pg_is_open(shadow->v->conn)) {
        pg_rollback(shadow->v->conn);
        (void)!pg_script(shadow->v->conn, sql,
                         &err); /* it ends with the connection at the latest */
    }
    for (size_t i = 0; i < TABLE_STATEMENTS_MAX; i++)
        buf_release(&shadow->statements[i]);
    applied_release(&shadow->done);
    applied_release(&shadow->wanted);
    arena_free(shadow->arena);
    mem_free(shadow);
}

bool shadow_look(struct shadow *shadow, struct error *err)
{
    return applied_load(&shadow->wanted, err);
}

static bool is_behind(const struct cut *cut, const struct verifier *v, const struct event *event)
{
    const struct position *at = cut_of(cut, v, event->tenant, event->stream);

    return at && event->position.n <= at->n;
}

/* An event the checkpoints had not passed before. */
static bool take(void *arg, const struct event *event, struct error *err)
{
    struct shadow *shadow = arg;

    if (!projection_reads(shadow->table->projection, name_category(event->stream)) ||
        is_behind(&shadow->done.cut, shadow->v, event) || !applied_has(&shadow->wanted, event))
        return true;
    return shadow_add(shadow, event, err);
}

static bool take_page(struct shadow *shadow, const struct event_page *page, bool *ret_more,
                      struct error *err)
{
    *ret_more = page->count > 0;
    for (size_t i = 0; i < page->count; i++) {
        const struct event *event = &page->events[i];

        if (!is_behind(&shadow->done.cut, shadow->v, event) ||
            !applied_has(&shadow->wanted, event)) {
            /* discarded ones may be followed by more */
            struct version parked = applied_parked(&shadow->wanted, event->tenant, event->stream);

            *ret_more = is_behind(&shadow->done.cut, shadow->v, event) &&
                        (parked.n == 0 || event->version.n < parked.n);
            if (!*ret_more)
                return true;
            continue;
        }
        if (!shadow_add(shadow, event, err))
            return false;
    }
    return true;
}

/* A stream that waited before: what of it was released since. */
static bool take_released(void *arg, struct str tenant, struct str stream, struct version version,
                          struct error *err)
{
    struct shadow *shadow = arg;
    struct version from = version;
    bool more = true;

    if (applied_parked(&shadow->wanted, tenant, stream).n == version.n)
        return true;
    while (more) {
        SCOPED(arena_free) struct arena *arena = arena_new(0);
        struct stream_head head;
        struct event_page page;

        if (!stream_read(shadow->v->conn, tenant, stream, from, STREAM_FORWARD, STR_NONE,
                         STREAM_EVENTS, arena, &head, &page, err) ||
            !take_page(shadow, &page, &more, err))
            return false;
        from = VERSION(from.n + (int64_t)page.count);
    }
    return true;
}

static void swap(struct shadow *shadow)
{
    struct applied_set done = shadow->done;

    shadow->done = shadow->wanted;
    shadow->wanted = done;
    cut_copy(&shadow->wanted.cut, &shadow->done.cut);
}

bool shadow_follow(struct shadow *shadow, struct error *err)
{
    struct log_pass pass = {.event = take, .arg = shadow, .doing = shadow->table->projection->name};
    struct position after, up_to;

    cut_difference(&shadow->done.cut, &shadow->wanted.cut, &after, &up_to);
    if (!applied_each_parked(&shadow->done, take_released, shadow, err) ||
        (after.n < up_to.n && !verify_log_pass(shadow->v, &pass, after, up_to, err)) ||
        !shadow_flush(shadow, err))
        return error_wrap(err, "apply the log to a temporary table");
    swap(shadow);
    return true;
}
