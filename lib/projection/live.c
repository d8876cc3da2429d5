/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/live.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "postgres/pg.h"
#include "projection/sql.h"

enum {
    LOOK_AGAIN_MS = 1000,
    PROJECTIONS_MAX = 64,
    STATEMENTS_MAX = 256,
};

/* Every table that was ever live is kept: its statements may be prepared. */
struct known {
    struct table *table;
    struct known *next;
};

struct look {
    const struct projection *projection;
    char *declaration;
    const struct table *table; /* NULL: there was none to read when looked at */
    bool is_made;              /* there was one, perhaps for another program */
    bool fresh;
    int64_t at_ms;
};

struct live_tables {
    struct known *known;
    struct look looks[PROJECTIONS_MAX];
    size_t looks_count;
    char *statements[STATEMENTS_MAX];
    size_t statements_count;
};

struct live_tables *live_tables_new(void)
{
    return mem_zalloc(sizeof(struct live_tables));
}

void live_tables_free(struct live_tables *live)
{
    if (!live)
        return;
    while (live->known) {
        struct known *known = live->known;

        live->known = known->next;
        table_free(known->table);
        mem_free(known);
    }
    for (size_t i = 0; i < live->statements_count; i++)
        mem_free(live->statements[i]);
    for (size_t i = 0; i < live->looks_count; i++)
        mem_free(live->looks[i].declaration);
    mem_free(live);
}

static struct look *look_of(struct live_tables *live, const struct projection *projection)
{
    for (size_t i = 0; i < live->looks_count; i++)
        if (live->looks[i].projection == projection)
            return &live->looks[i];
    assert(live->looks_count < PROJECTIONS_MAX);
    live->looks[live->looks_count] =
        (struct look){.projection = projection, .declaration = projection_declaration(projection)};
    return &live->looks[live->looks_count++];
}

static const struct table *table_of(struct live_tables *live, const struct projection *projection,
                                    int generation)
{
    struct known *known;

    for (known = live->known; known; known = known->next)
        if (known->table->projection == projection && known->table->generation == generation)
            return known->table;
    known = mem_alloc(sizeof(*known));
    *known = (struct known){.table = table_new(projection, generation), .next = live->known};
    live->known = known;
    return known->table;
}

void live_table_note(struct live_tables *live, const struct projection *projection, int generation)
{
    struct look *look = look_of(live, projection);

    look->table = generation > 0 ? table_of(live, projection, generation) : NULL;
    look->fresh = true;
    look->at_ms = clock_monotonic_ms();
}

static bool look_up(struct live_tables *live, struct pg_conn *conn, struct look *look,
                    struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(look->projection->name));
    pg_add_str(&params, str_of(look->declaration));
    if (!pg_query(conn, sql_generation_readable, &params, &rows, err))
        return error_wrap(err, "find the live table of projection '%s'", look->projection->name);

    look->is_made = pg_get_bool(rows, 0, 1);
    live_table_note(live, look->projection, (int)pg_get_i64(rows, 0, 0));
    return true;
}

bool live_table_find(struct live_tables *live, struct pg_conn *conn,
                     const struct projection *projection, const struct table **ret_table,
                     struct error *err)
{
    struct look *look = look_of(live, projection);

    /* A table that was not made is looked for each time: its first rows should show at once. */
    if (!look->fresh || !look->table || clock_monotonic_ms() - look->at_ms >= LOOK_AGAIN_MS)
        if (!look_up(live, conn, look, err))
            return false;
    *ret_table = look->table;
    return true;
}

bool live_table_get(struct live_tables *live, struct pg_conn *conn,
                    const struct projection *projection, const struct table **ret_table,
                    struct error *err)
{
    if (!live_table_find(live, conn, projection, ret_table, err))
        return false;
    if (*ret_table || !look_of(live, projection)->is_made)
        return true;
    return error_set(err, ERROR_TRANSIENT, "read-not-current",
                     "no table of projection '%s' has the declaration of this program",
                     projection->name);
}

void live_tables_forget(struct live_tables *live)
{
    for (size_t i = 0; i < live->looks_count; i++)
        live->looks[i].fresh = false;
}

const char *live_statement(struct live_tables *live, const char *text)
{
    for (size_t i = 0; i < live->statements_count; i++)
        if (strcmp(live->statements[i], text) == 0)
            return live->statements[i];
    if (live->statements_count == STATEMENTS_MAX)
        return NULL;
    live->statements[live->statements_count] = mem_strdup(text);
    return live->statements[live->statements_count++];
}
