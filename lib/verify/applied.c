/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/applied.h"

#include "base/arena.h"
#include "base/mem.h"
#include "postgres/pg.h"
#include "projection/table.h"
#include "verify/sql.h"

#include <stdio.h>

#define uthash_malloc(bytes) mem_alloc(bytes)
#define uthash_free(pointer, bytes) mem_free(pointer)
#include <uthash.h>

enum { NAME_MAX_BYTES = NAME_TENANT_MAX + 1 + NAME_STREAM_MAX + 24 };

struct mark {
    UT_hash_handle hh;
    struct str tenant;
    struct str stream;
    struct version version;
    struct str name;
};

void applied_init(struct applied_set *set, struct verifier *v, const struct table *table)
{
    *set = (struct applied_set){.v = v, .table = table, .arena = arena_new(0)};
    cut_init(&set->cut, &v->cursor);
}

static void clear(struct applied_set *set)
{
    HASH_CLEAR(hh, set->parked);
    HASH_CLEAR(hh, set->skipped);
    arena_clear(set->arena);
}

void applied_release(struct applied_set *set)
{
    if (!set->arena)
        return;
    clear(set);
    arena_free(set->arena);
    cut_release(&set->cut);
    set->arena = NULL;
}

/* VERSION 0: of the stream as a whole. */
static struct str name_of(char out[NAME_MAX_BYTES], struct str tenant, struct str stream,
                          struct version version)
{
    int len = snprintf(out, NAME_MAX_BYTES, STR_FMT "/" STR_FMT "/%lld", STR_ARG(tenant),
                       STR_ARG(stream), (long long)version.n);

    return str_from(out, (size_t)len);
}

static const struct mark *find(const struct mark *marks, struct str tenant, struct str stream,
                               struct version version)
{
    char text[NAME_MAX_BYTES];
    struct str name = name_of(text, tenant, stream, version);
    struct mark *mark;

    HASH_FIND(hh, marks, name.data, name.len, mark);
    return mark;
}

static void add(struct applied_set *set, const struct pg_rows *rows, size_t row)
{
    struct mark *mark = ARENA_NEW(set->arena, struct mark);
    bool skipped = pg_get_bool(rows, row, 3);
    char name[NAME_MAX_BYTES];

    mark->tenant = arena_dup(set->arena, pg_get_str(rows, row, 0));
    mark->stream = arena_dup(set->arena, pg_get_str(rows, row, 1));
    mark->version = VERSION(pg_get_i64(rows, row, 2));
    mark->name = arena_dup(set->arena, name_of(name, mark->tenant, mark->stream,
                                               skipped ? mark->version : VERSION(0)));
    if (skipped)
        HASH_ADD_KEYPTR(hh, set->skipped, mark->name.data, mark->name.len, mark);
    else
        HASH_ADD_KEYPTR(hh, set->parked, mark->name.data, mark->name.len, mark);
}

bool applied_load(struct applied_set *set, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    clear(set);
    pg_params_init(&params);
    pg_add_str(&params, str_of(set->table->projection->name));
    pg_add_i32(&params, set->table->generation);
    if (!cut_load(set->v, set->table, &set->cut, err) ||
        !pg_query(set->v->conn, sql_parked, &params, &rows, err))
        return error_wrap(err, "look what is applied");
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        add(set, rows, i);
    return true;
}

struct version applied_parked(const struct applied_set *set, struct str tenant, struct str stream)
{
    const struct mark *mark = find(set->parked, tenant, stream, VERSION(0));

    return mark ? mark->version : VERSION(0);
}

bool applied_has(const struct applied_set *set, const struct event *event)
{
    const struct position *at = cut_of(&set->cut, set->v, event->tenant, event->stream);
    struct version parked;

    if (!at || event->position.n > at->n)
        return false;
    parked = applied_parked(set, event->tenant, event->stream);
    return (parked.n == 0 || event->version.n < parked.n) &&
           !find(set->skipped, event->tenant, event->stream, event->version);
}

bool applied_each_parked(const struct applied_set *set, applied_visit_fn visit, void *arg,
                         struct error *err)
{
    for (const struct mark *mark = set->parked; mark; mark = mark->hh.next)
        if (!visit(arg, mark->tenant, mark->stream, mark->version, err))
            return false;
    return true;
}
