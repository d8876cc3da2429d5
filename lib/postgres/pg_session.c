/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/pg_internal.h"

#include <inttypes.h>
#include <string.h>

enum { SETTINGS_BYTES_MAX = 4096 };

static const char common[] =
    "SET client_encoding = 'UTF8';"
    "SET timezone = 'UTC';"
    "SET standard_conforming_strings = on;"
    "SET default_transaction_isolation = 'read committed';"
    /* 400 ms of compiling for a statement of 1 ms when its rows are overestimated */
    "SET jit = off;"
    /* at least on; a stronger one of the server's stays */
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply');";

static const char *const of_profile[] = {
    /* A partition made ahead and analyzed while it is empty costs nothing to scan, and a cached
     * plan goes on scanning it when it is full. A bitmap fetches all there is, in no order, where
     * the reader wants the next few. */
    [PG_PROFILE_QUERY] = "SET enable_seqscan = off;"
                         "SET enable_bitmapscan = off;",
    [PG_PROFILE_BATCH] = "SET plan_cache_mode = force_generic_plan;"
                         "SET enable_hashjoin = off;"
                         "SET enable_mergejoin = off;"
                         "SET enable_seqscan = off;"
                         /* else statistics of a table that was small cache a plan by another
                          * index than the one that gives the order */
                         "SET enable_bitmapscan = off;"
                         "SET enable_sort = off;",
    [PG_PROFILE_UPKEEP] = "SET lock_timeout = '200ms';",
};

/* In another encoding PostgreSQL would refuse, or change, text that was accepted at the door. */
static bool check_encoding(struct pg_conn *conn, struct error *err)
{
    const char *encoding = PQparameterStatus(conn->pg, "server_encoding");

    if (encoding && strcmp(encoding, "UTF8") == 0)
        return true;
    error_set(err, ERROR_FATAL, "", "the database's encoding is %s, not UTF8",
              encoding ? encoding : "not known");
    return error_hint(err, "Create it with: createdb --encoding=UTF8 --template=template0.");
}

bool pg_session_set_up(struct pg_conn *conn, int64_t deadline_ms, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf settings = BUF_INIT(SETTINGS_BYTES_MAX);

    if (!check_encoding(conn, err))
        return false;

    buf_add_cstr(&settings, common);
    buf_add_cstr(&settings, of_profile[conn->profile]);
    buf_printf(&settings, "SET statement_timeout = %" PRId64 ";",
               conn->config.statement_timeout_ms);
    buf_printf(&settings, "SET idle_in_transaction_session_timeout = %" PRId64 ";",
               conn->config.idle_in_transaction_timeout_ms);
    buf_add(&settings, "", 1);
    return pg_script_by(conn, settings.data, deadline_ms, NULL, err);
}
