/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/install.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "postgres/pg.h"
#include "projection/generation.h"
#include "projection/projector.h"
#include "projection/sql.h"
#include "projection/table.h"

/* One row, whose first column is NULL while there is no such projection. */
static bool find(struct pg_conn *conn, const struct projection *projection,
                 struct pg_rows **ret_rows, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(projection->name));
    return pg_query(conn,
                    "select p.generation, p.declaration, p.log_id::text,"
                    " coalesce((select max(generation) from generations where projection = $1), 0)"
                    " from (select $1::text as name) k left join projections p on p.name = k.name",
                    &params, ret_rows, err);
}

/* All that there are belong to another log. */
static bool drop_others(struct pg_conn *conn, const char *projection, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(projection));
    return pg_query(conn,
                    "update generations set state = 'dropped', since = clock_timestamp(),"
                    " reason = 'of a log that is not there any more'"
                    " where projection = $1 and state <> 'dropped'",
                    &params, NULL, err);
}

/* What PostgreSQL refuses of it is not data: it stays refused until somebody changes the text. */
static bool make_table(struct pg_conn *conn, const struct table *table, struct error *err)
{
    if (pg_script(conn, table->create, err))
        return true;
    if (err->class == ERROR_POISON)
        err->class = ERROR_FATAL;
    if (table->projection->kind == PROJECTION_SQL)
        return error_wrap(err, "make the table of file '%s.sql'", table->projection->name);
    return false;
}

static bool make(struct pg_conn *conn, const struct table *table,
                 const struct log_identity *identity, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(table->projection->name));
    pg_add_i32(&params, table->generation);
    pg_add_str(&params, str_of(table->declaration));
    pg_add_str(&params, str_of(identity->id));
    return make_table(conn, table, err) && drop_others(conn, table->projection->name, err) &&
           generation_insert(conn, table, identity, GENERATION_LIVE, err) &&
           (!table->view || pg_script(conn, table->view, err)) &&
           pg_query(conn, sql_projection_save, &params, NULL, err);
}

/* The row that was found: whether its generation will do. */
static bool check(const struct pg_rows *rows, const struct projection *projection,
                  const struct log_identity *identity, int *generation, bool *ret_is_ours,
                  struct error *err)
{
    struct str declaration = pg_get_str(rows, 0, 1);
    SCOPED(table_free) struct table *table = NULL;

    *generation = (int)pg_get_i64(rows, 0, 0);
    *ret_is_ours = str_equal(pg_get_str(rows, 0, 2), str_of(identity->id));
    if (!*ret_is_ours)
        return true;
    table = table_new(projection, *generation);
    if (str_equal(declaration, str_of(table->declaration)))
        return true;
    error_set(err, ERROR_FATAL, "declaration-changed",
              "table '%s' was made from another declaration than this program has", table->name);
    return error_hint(err,
                      "Build it anew with `daybook projection rebuild %s`, or run the program that "
                      "made it.",
                      projection->name);
}

static bool install(struct pg_conn *conn, const struct projection *projection,
                    const struct log_identity *identity, int *ret_generation, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED(table_free) struct table *table = NULL;
    bool is_ours = false;
    int generation = 0;

    if (!generation_lock(conn, projection->name, err) || !find(conn, projection, &rows, err))
        return false;
    pg_rows_skip(rows); /* what is read depends on what there is */
    if (!pg_is_null(rows, 0, 0) && !check(rows, projection, identity, &generation, &is_ours, err))
        return false;
    if (!is_ours) {
        generation = (int)pg_get_i64(rows, 0, 3) + 1; /* numbers are never used again */
        table = table_new(projection, generation);
        if (!make(conn, table, identity, err))
            return false;
    }
    *ret_generation = generation;
    return true;
}

bool projection_install(struct pg_conn *conn, const struct projection *projection,
                        const struct log_identity *identity, int *ret_generation, struct error *err)
{
    if (pg_begin(conn, err) && install(conn, projection, identity, ret_generation, err) &&
        pg_commit(conn, err))
        return true;
    pg_rollback(conn);
    return error_wrap(err, "install projection '%s'", projection->name);
}

/* Waits for a person, who needs the other projections meanwhile. */
static bool is_left_alone(const struct projection *projection, const struct error *err)
{
    return strcmp(err->code, "declaration-changed") == 0 ||
           (projection->kind == PROJECTION_SQL && err->class == ERROR_FATAL);
}

bool projection_install_all(struct pg_conn *conn, const struct projection *const *projections,
                            struct error *err)
{
    struct log_identity identity;
    int generation;

    if (!log_identity_load(conn, &identity, err))
        return false;
    for (size_t i = 0; projections[i]; i++) {
        if (projection_install(conn, projections[i], &identity, &generation, err))
            continue;
        if (!is_left_alone(projections[i], err))
            return false;
        log_warn("projection was not installed", LOG_CSTR("projection", projections[i]->name),
                 LOG_ERR(err));
    }
    return true;
}
