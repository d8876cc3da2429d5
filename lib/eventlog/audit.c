/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/audit.h"

#include <assert.h>

#include "base/arena.h"
#include "postgres/pg.h"

bool audit_add(struct pg_conn *conn, const struct audit_entry *entry, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    assert(entry->actor.len > 0 && entry->action.len > 0);

    pg_params_init(&params);
    pg_add_str(&params, entry->actor);
    pg_add_str(&params, entry->action);
    pg_add_str(&params, entry->subject.data ? entry->subject : STR(""));
    pg_add_str(&params, entry->reason.data ? entry->reason : STR(""));
    pg_add_str(&params, entry->detail);
    return pg_query(conn,
                    "insert into audit (actor, action, subject, reason, detail)"
                    " values ($1, $2, $3, $4, $5)",
                    &params, NULL, err) ||
           error_wrap(err, "write the audit");
}

bool audit_list(struct pg_conn *conn, struct str action, int64_t before, size_t limit,
                struct arena *arena, struct audit_entry **ret, size_t *ret_count, struct error *err)
{
    static const char sql[] =
        "select id, at, actor, action, subject, reason, detail from audit"
        " where ($1::text is null or action = $1) and ($2::bigint = 0 or id < $2)"
        " order by id desc limit $3::bigint";
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_str(&params, action);
    pg_add_i64(&params, before);
    pg_add_i64(&params, (int64_t)limit);
    if (!pg_query(conn, sql, &params, &rows, err))
        return error_wrap(err, "read the audit");
    *ret_count = pg_rows_count(rows);
    *ret = ARENA_ARRAY(arena, struct audit_entry, *ret_count);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret)[i] = (struct audit_entry){
            .id = pg_get_i64(rows, i, 0),
            .at_us = pg_get_time(rows, i, 1),
            .actor = arena_dup(arena, pg_get_str(rows, i, 2)),
            .action = arena_dup(arena, pg_get_str(rows, i, 3)),
            .subject = arena_dup(arena, pg_get_str(rows, i, 4)),
            .reason = arena_dup(arena, pg_get_str(rows, i, 5)),
            .detail = pg_is_null(rows, i, 6) ? STR_NONE : arena_dup(arena, pg_get_str(rows, i, 6)),
        };
    return true;
}
