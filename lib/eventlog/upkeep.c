/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/upkeep.h"

#include "base/buf.h"
#include "eventlog/sql.h"
#include "eventlog/writer_core.h"
#include "postgres/pg.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SCRIPT_BYTES_MAX = 4096, ATTEMPTS_MAX = 5 };

static const char sql_try_lock[] = "select pg_try_advisory_xact_lock(hashtext('daybook.upkeep'))";
static const char sql_forget_processes[] =
    "delete from processes where heartbeat_at < now() - interval '1 hour'";

/* One thing made in one transaction, if nobody else is at it. *ret_more: there is more to do. */
typedef bool (*make_fn)(struct pg_conn *conn, const struct upkeep_config *config, bool *ret_more,
                        struct error *err);

static bool run_script(struct pg_conn *conn, struct buf *script, struct error *err)
{
    buf_add(script, "", 1);
    assert(!script->failed);
    return pg_script(conn, script->data, err);
}

/*
 * Standalone, with a CHECK that matches, then attached: ATTACH then neither scans nor blocks
 * inserts, while CREATE ... PARTITION OF waits behind readers and stops all inserts meanwhile. The
 * keys are the partition's own: one over all of them would have to contain the position. The CHECK
 * has then done its work and would cost every insert. Nothing is compressed, so that readers can
 * bound a slice by the sizes as stored.
 */
static bool create_events_partition(struct pg_conn *conn, int64_t from, int64_t to,
                                    struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf script = BUF_INIT(SCRIPT_BYTES_MAX);
    char name[40];

    snprintf(name, sizeof(name), "events_%" PRId64, from);
    buf_printf(&script,
               "create table %s (like events including defaults,"
               " constraint in_range check (position >= %" PRId64 " and position < %" PRId64 "),"
               " primary key (position), unique (stream_id, version));"
               "create index on %s (id, stream_id);"
               "alter table %s alter column data set storage external,"
               " alter column metadata set storage external;"
               "alter table events attach partition %s for values from (%" PRId64 ") to (%" PRId64
               ");"
               "alter table %s drop constraint in_range;",
               name, from, to, name, name, name, from, to, name);
    return run_script(conn, &script, err) || error_wrap(err, "create partition '%s'", name);
}

static bool make_events_partition(struct pg_conn *conn, const struct upkeep_config *config,
                                  bool *ret_more, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    int64_t from;
    int64_t size;
    int64_t head;
    int64_t ahead;

    if (!pg_query(conn, sql_upkeep_events, NULL, &rows, err))
        return error_wrap(err, "look at the partitions of events");
    from = pg_get_i64(rows, 0, 0);
    size = pg_get_i64(rows, 0, 1) > 0 ? pg_get_i64(rows, 0, 1) : config->partition_events;
    head = pg_get_i64(rows, 0, 2);

    ahead = (int64_t)config->partitions_ahead * size;
    if (ahead < BATCH_EVENTS_MAX)
        ahead = BATCH_EVENTS_MAX; /* whatever their size, a batch must fit */
    *ret_more = from <= head + 1 + ahead;
    return !*ret_more || create_events_partition(conn, from, from + size, err);
}

static bool make_day(struct pg_conn *conn, const struct upkeep_config *config, bool *ret_more,
                     struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf script = BUF_INIT(SCRIPT_BYTES_MAX);
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    char name[40];
    struct str from;
    struct str to;

    (void)config;
    if (!pg_query(conn, sql_upkeep_days, NULL, &rows, err))
        return error_wrap(err, "look at the days of idempotency keys");
    *ret_more = pg_rows_count(rows) > 0;
    if (!*ret_more)
        return true;

    snprintf(name, sizeof(name), "idempotency_keys_" STR_FMT, STR_ARG(pg_get_str(rows, 0, 0)));
    from = pg_get_str(rows, 0, 1);
    to = pg_get_str(rows, 0, 2);
    buf_printf(&script,
               "create table %s (like idempotency_keys including defaults,"
               " constraint in_range check (day >= '" STR_FMT "' and day < '" STR_FMT "'),"
               " primary key (tenant, credential, key));"
               "alter table idempotency_keys attach partition %s"
               " for values from ('" STR_FMT "') to ('" STR_FMT "');"
               "alter table %s drop constraint in_range;",
               name, STR_ARG(from), STR_ARG(to), name, STR_ARG(from), STR_ARG(to), name);
    return run_script(conn, &script, err) || error_wrap(err, "create partition '%s'", name);
}

/* DETACH ... CONCURRENTLY may not be in a transaction, and may be cut off half-way. */
static bool remove_day(struct pg_conn *conn, struct str name, bool attached, bool pending,
                       struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf detach = BUF_INIT(SCRIPT_BYTES_MAX);
    SCOPED_VALUE(buf_release) struct buf drop = BUF_INIT(SCRIPT_BYTES_MAX);

    buf_printf(&detach, "alter table idempotency_keys detach partition " STR_FMT " %s",
               STR_ARG(name), pending ? "finalize" : "concurrently");
    if (attached && !run_script(conn, &detach, err))
        return error_wrap(err, "detach partition '" STR_FMT "'", STR_ARG(name));
    buf_printf(&drop, "drop table if exists " STR_FMT, STR_ARG(name));
    return run_script(conn, &drop, err) ||
           error_wrap(err, "drop partition '" STR_FMT "'", STR_ARG(name));
}

static bool remove_expired_days(struct pg_conn *conn, const struct upkeep_config *config,
                                struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_i32(&params, (int32_t)config->idempotency_days);
    if (!pg_query(conn, sql_upkeep_expired, &params, &rows, err))
        return error_wrap(err, "look for expired idempotency keys");
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        if (!remove_day(conn, pg_get_str(rows, i, 0), pg_get_bool(rows, i, 1),
                        pg_get_bool(rows, i, 2), err))
            return false;
    }
    return true;
}

static bool make_one(struct pg_conn *conn, const struct upkeep_config *config, make_fn make,
                     bool *ret_more, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    *ret_more = false;
    if (!pg_begin(conn, err) || !pg_query(conn, sql_try_lock, NULL, &rows, err))
        return false;
    /* Whoever holds it does what is to be done. */
    if (pg_get_bool(rows, 0, 0) && !make(conn, config, ret_more, err))
        return false;
    return pg_commit(conn, err);
}

static bool make_all(struct pg_conn *conn, const struct upkeep_config *config, make_fn make,
                     struct error *err)
{
    unsigned attempts = 0;
    bool more = true;

    while (more) {
        if (make_one(conn, config, make, &more, err))
            continue;
        pg_rollback(conn);
        /* 55P03: a lock was not to be had in time; others were not made to wait for it. */
        if (!pg_is_open(conn) || strcmp(err->sqlstate, "55P03") != 0 || ++attempts == ATTEMPTS_MAX)
            return false;
        more = true;
    }
    return true;
}

bool upkeep_run(struct pg_conn *conn, const struct upkeep_config *config, struct error *err)
{
    assert(config->partition_events > 0);

    return make_all(conn, config, make_events_partition, err) &&
           make_all(conn, config, make_day, err) && remove_expired_days(conn, config, err) &&
           (pg_query(conn, sql_forget_processes, NULL, NULL, err) ||
            error_wrap(err, "forget dead processes"));
}
