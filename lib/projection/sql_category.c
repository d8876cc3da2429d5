/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/sql_category.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "postgres/pg.h"

struct words {
    const char **all;
    size_t count;
};

static size_t count_of(const struct projection *projection)
{
    size_t count = 0;

    while (projection->categories[count])
        count++;
    return count;
}

static void add_rows(struct words *words, const struct pg_rows *rows, struct arena *arena)
{
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        words->all[words->count++] = arena_cstr(arena, pg_get_str(rows, i, 0));
}

static void add_built_in(struct words *words, const struct projection *const *projections,
                         size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (projections[i]->kind != PROJECTION_SQL)
            for (const char *const *category = projections[i]->categories; *category; category++)
                words->all[words->count++] = *category;
}

static bool has(const struct words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++)
        if (strcmp(words->all[i], word) == 0)
            return true;
    return false;
}

bool sql_categories_doubt(struct pg_conn *conn, const struct projection *projection,
                          const struct projection *const *projections, size_t count,
                          struct arena *arena, struct sql_category_doubt **ret, size_t *ret_count,
                          struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct words known = {0};
    size_t most = 0;

    assert(projection->kind == PROJECTION_SQL);

    if (!pg_query(conn, "select name from categories", NULL, &rows, err))
        return error_wrap(err, "look which categories there are");
    for (size_t i = 0; i < count; i++)
        most += count_of(projections[i]);
    known.all = ARENA_ARRAY(arena, const char *, pg_rows_count(rows) + most);
    add_rows(&known, rows, arena);
    add_built_in(&known, projections, count);
    *ret = ARENA_ARRAY(arena, struct sql_category_doubt, count_of(projection));
    *ret_count = 0;
    for (const char *const *category = projection->categories; *category; category++)
        if (!has(&known, *category))
            (*ret)[(*ret_count)++] = (struct sql_category_doubt){
                *category, nearest_word(str_of(*category), known.all, known.count)};
    return true;
}
