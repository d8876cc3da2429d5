/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/identity.h"

#include "postgres/pg.h"

#include <stdio.h>

static const char sql_create[] = "insert into log_info (id, name, prefix) values ($1, $2, $3)"
                                 " on conflict do nothing";
static const char sql_load[] = "select id, name, prefix from log_info";

bool log_identity_create(struct pg_conn *conn, const char *name, const char *prefix,
                         struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_uuid(&params, uuid_v7());
    pg_add_str(&params, str_of(name));
    pg_add_str(&params, str_of(prefix));
    return pg_query(conn, sql_create, &params, NULL, err) ||
           error_wrap(err, "give the log its identity");
}

static void copy(char *out, size_t out_bytes, struct str s)
{
    snprintf(out, out_bytes, STR_FMT, STR_ARG(s));
}

bool log_identity_load(struct pg_conn *conn, struct log_identity *ret, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_query(conn, sql_load, NULL, &rows, err))
        return error_wrap(err, "read the log's identity");
    if (pg_rows_count(rows) != 1) {
        error_set(err, ERROR_FATAL, "internal-error", "the log has no identity yet");
        return error_hint(err, "Run daybookd migrate up.");
    }
    copy(ret->id, sizeof(ret->id), pg_get_str(rows, 0, 0));
    copy(ret->name, sizeof(ret->name), pg_get_str(rows, 0, 1));
    copy(ret->prefix, sizeof(ret->prefix), pg_get_str(rows, 0, 2));
    snprintf(ret->source, sizeof(ret->source), "/daybook/%s", ret->id);
    return true;
}
