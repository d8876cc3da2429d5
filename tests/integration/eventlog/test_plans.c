/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plans of our statements, as the sessions that run them get them: on tables without statistics
 * and with them. One hash join on a full table, and the writer falls from 100k events/s to 4k.
 */
#include "eventlog/sql.h"
#include "tests/integration/eventlog/rig.h"

#include <stdio.h>
#include <string.h>

Suite *eventlog_plans_suite(void);

static const struct {
    const char *name;
    const char *sql;
    enum pg_profile profile;
} statements[] = {
#define STATEMENT(name, profile) \
    { \
#name, sql_##name, profile \
    }
    STATEMENT(head_lock, PG_PROFILE_BATCH),
    STATEMENT(head_take, PG_PROFILE_BATCH),
    STATEMENT(streams_moved, PG_PROFILE_BATCH),
    STATEMENT(streams_find, PG_PROFILE_BATCH),
    STATEMENT(keys_find, PG_PROFILE_BATCH),
    STATEMENT(event_ids_find, PG_PROFILE_BATCH),
    STATEMENT(stream_ids_take, PG_PROFILE_BATCH),
    STATEMENT(events_load, PG_PROFILE_BATCH),
    STATEMENT(streams_insert, PG_PROFILE_BATCH),
    STATEMENT(streams_update, PG_PROFILE_BATCH),
    STATEMENT(events_insert, PG_PROFILE_BATCH),
    STATEMENT(categories_insert, PG_PROFILE_BATCH),
    STATEMENT(keys_insert, PG_PROFILE_BATCH),
    STATEMENT(head_update, PG_PROFILE_BATCH),
    STATEMENT(events_probe, PG_PROFILE_BATCH),
    STATEMENT(snapshots_save, PG_PROFILE_BATCH),
    STATEMENT(log_read, PG_PROFILE_QUERY),
    STATEMENT(log_seek, PG_PROFILE_QUERY),
    STATEMENT(event_find, PG_PROFILE_QUERY),
    STATEMENT(events_named, PG_PROFILE_QUERY),
    STATEMENT(stream_find, PG_PROFILE_QUERY),
    STATEMENT(stream_read_forward, PG_PROFILE_QUERY),
    STATEMENT(stream_read_backward, PG_PROFILE_QUERY),
    STATEMENT(streams_list, PG_PROFILE_QUERY),
#undef STATEMENT
};

static const char *const refused[] = {
    "Hash Join",
    "Hash Left Join",
    "Merge Join",
    "Merge Left Join",
    "Seq Scan on streams",
    "Seq Scan on events",
    "Seq Scan on idempotency_keys",
    "Seq Scan on snapshots",
    "Materialize",
    "Bitmap",
};

static void fill(void)
{
    database_run(
        the_log.database,
        "insert into streams select n, 'main', 'note-' || n, 'note', 1, n, n"
        " from generate_series(1, 20000) n;"
        "insert into events (position, stream_id, version, occurred_at, recorded_at, id, type, "
        "data)"
        " select n, n, 1, now(), now(), 'id' || n, 'Noted', '{}' from generate_series(1, 20000) n;"
        "insert into idempotency_keys (day, tenant, credential, key, hash, status, headers, body)"
        " select now()::date, 'main', '', 'k' || n, '', 200, '', '' from generate_series(1, 20000)"
        " n; insert into snapshots (stream_id, version, schema, position, recorded_at, hash, state)"
        " select n, 1, 1, n, now(), 0, '' from generate_series(1, 20000) n;"
        "update log_head set position = 20000");
}

static int64_t parameters_count(struct pg_conn *conn)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct error err;

    ck_assert_msg(pg_query_once(conn,
                                "select cardinality(parameter_types)"
                                " from pg_prepared_statements where name = 'p'",
                                NULL, &rows, &err),
                  "%s", err.text);
    return pg_get_i64(rows, 0, 0);
}

/* EXPLAIN EXECUTE p(null, null, ...), its lines behind each other. */
static void explain(struct pg_conn *conn, struct buf *plan)
{
    SCOPED_VALUE(buf_release) struct buf sql = BUF_INIT(1024);
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    int64_t count = parameters_count(conn);
    struct error err;

    buf_add_cstr(&sql, "explain execute p");
    for (int64_t i = 0; i < count; i++)
        buf_add_cstr(&sql, i == 0 ? "(null" : ", null");
    buf_add_cstr(&sql, count > 0 ? ")" : "");
    buf_add(&sql, "", 1);
    ck_assert_msg(pg_query_once(conn, sql.data, NULL, &rows, &err), "%s", err.text);
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        buf_add_str(plan, pg_get_str(rows, i, 0));
        buf_add_char(plan, '\n');
    }
    buf_add(plan, "", 1);
}

/* Of our tables nothing is read but by a key. */
static void check_conditions(const char *name, const char *plan)
{
    const char *line = plan;

    while ((line = strstr(line, "Index ")) != NULL) {
        const char *end = strchr(line, '\n');
        const char *next = strchr(end + 1, '\n');
        struct str scan = str_from(line, (size_t)(end - line));
        struct str below = str_from(end, (size_t)(next - end));

        line = end;
        if (memmem(scan.data, scan.len, " Scan ", 6) == NULL ||
            (memmem(scan.data, scan.len, " on streams", 11) == NULL &&
             memmem(scan.data, scan.len, " on events", 10) == NULL &&
             memmem(scan.data, scan.len, " on idempotency", 15) == NULL &&
             memmem(scan.data, scan.len, " on snapshots", 13) == NULL))
            continue;
        ck_assert_msg(memmem(below.data, below.len, "Index Cond: ", 12) != NULL,
                      "%s: an index is read from end to end in\n%s", name, plan);
    }
}

static void check_plan(int i)
{
    SCOPED_VALUE(buf_release) struct buf prepare = BUF_INIT(1 << 16);
    SCOPED_VALUE(buf_release) struct buf plan = BUF_INIT(1 << 16);
    SCOPED(pg_free)
    struct pg_conn *conn = database_connect(the_log.database, statements[i].profile);
    struct error err;

    buf_printf(&prepare, "set plan_cache_mode = force_generic_plan; prepare p as %s",
               statements[i].sql);
    buf_add(&prepare, "", 1);
    ck_assert_msg(pg_script(conn, prepare.data, &err), "%s: %s", statements[i].name, err.text);
    explain(conn, &plan);
    for (int j = 0; j < COUNT_OF(refused); j++)
        ck_assert_msg(strstr(plan.data, refused[j]) == NULL, "%s: %s in\n%s", statements[i].name,
                      refused[j], plan.data);
    check_conditions(statements[i].name, plan.data);
}

static void check_plans(void)
{
    for (int i = 0; i < COUNT_OF(statements); i++)
        check_plan(i);
}

START_TEST(no_plan_scans_or_hashes_whatever_the_statistics)
{
    check_plans();
    database_run(the_log.database, "analyze"); /* of empty tables */
    check_plans();
    fill();
    check_plans();
    database_run(the_log.database, "analyze");
    check_plans();
}
END_TEST

/* The head's row is one on a page of its own: HOT updates keep it there. */
START_TEST(head_and_streams_are_updated_in_place)
{
    struct writer *writer = rig_writer();

    for (int i = 0; i < 50; i++)
        RIG_EXPECT(writer, write_append("note-1", 1, NULL), WRITE_APPENDED);
    writer_stop(writer);
    rig_eventually("select n_tup_hot_upd from pg_stat_user_tables where relname = 'log_head'", 50);
    rig_eventually("select n_tup_hot_upd from pg_stat_user_tables where relname = 'streams'", 49);
}
END_TEST

START_TEST(a_stream_is_looked_for_in_its_own_partitions_only)
{
    SCOPED(pg_free)
    struct pg_conn *conn = database_connect(the_log.database, PG_PROFILE_BATCH);
    SCOPED_VALUE(buf_release) struct buf prepare = BUF_INIT(1 << 16);
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct error err;
    size_t partitions = 0;
    size_t snapshots = 0;

    buf_printf(&prepare, "prepare p as %s", sql_events_load);
    buf_add(&prepare, "", 1);
    ck_assert(pg_script(conn, prepare.data, &err));
    ck_assert(pg_query_once(conn,
                            "explain (analyze)"
                            " execute p('{1}', '{0}', '{1}', '{5}', '{5}', '{0}', 10, 1000)",
                            NULL, &rows, &err));
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct str line = pg_get_str(rows, i, 0);

        if (memmem(line.data, line.len, "never executed", 14) == NULL)
            continue;
        partitions += memmem(line.data, line.len, "stream_id_version_key", 21) != NULL;
        snapshots += memmem(line.data, line.len, " on snapshots", 13) != NULL;
    }
    ck_assert_uint_eq(partitions, 1); /* of two */
    ck_assert_uint_eq(snapshots, 1);  /* a short load does not look for one */
}
END_TEST

/* One event of a stream whose events lie far apart, in a log of few streams. */
START_TEST(a_stream_is_read_by_its_versions_not_by_the_positions_it_spans)
{
    static const char *const sql[] = {sql_stream_read_forward, sql_stream_read_backward};
    SCOPED(pg_free)
    struct pg_conn *conn = database_connect(the_log.database, PG_PROFILE_QUERY);

    database_run(
        the_log.database,
        "insert into streams select n, 'main', 'note-' || n, 'note', 10000, n, 20000"
        " from generate_series(1, 2) n;"
        "insert into events (position, stream_id, version, occurred_at, recorded_at, id, type, "
        "data)"
        " select n, 1 + n % 2, (n + 1) / 2, now(), now(), 'id' || n, 'Noted', '{}'"
        " from generate_series(1, 20000) n;"
        "analyze");
    for (int i = 0; i < COUNT_OF(sql); i++) {
        SCOPED_VALUE(buf_release) struct buf prepare = BUF_INIT(1 << 16);
        SCOPED_VALUE(buf_release) struct buf plan = BUF_INIT(1 << 16);
        struct error err;

        buf_printf(&prepare,
                   "deallocate all; set plan_cache_mode = force_generic_plan; prepare p as %s",
                   sql[i]);
        buf_add(&prepare, "", 1);
        ck_assert_msg(pg_script(conn, prepare.data, &err), "%s", err.text);
        explain(conn, &plan);
        ck_assert_msg(strstr(plan.data, "Sort  (") == NULL, "%s", plan.data);
        ck_assert_msg(strstr(plan.data, "_pkey on events") == NULL, "%s", plan.data);
    }
}
END_TEST

START_TEST(a_page_of_a_stream_is_looked_for_in_its_own_partitions_only)
{
    SCOPED(pg_free)
    struct pg_conn *conn = database_connect(the_log.database, PG_PROFILE_QUERY);
    SCOPED_VALUE(buf_release) struct buf prepare = BUF_INIT(1 << 16);
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct error err;
    size_t skipped = 0;

    fill();
    buf_printf(&prepare, "prepare p as %s", sql_stream_read_forward);
    buf_add(&prepare, "", 1);
    ck_assert(pg_script(conn, prepare.data, &err));
    ck_assert(pg_query_once(conn,
                            "explain (analyze) execute p('main', 'note-7', 1, null, 10, 1000)",
                            NULL, &rows, &err));
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct str line = pg_get_str(rows, i, 0);

        skipped += memmem(line.data, line.len, "never executed", 14) != NULL &&
                   memmem(line.data, line.len, " on events", 10) != NULL;
    }
    ck_assert_uint_eq(skipped, 1); /* of two */
}
END_TEST

Suite *eventlog_plans_suite(void)
{
    Suite *suite = suite_create("eventlog_plans");
    TCase *tc = tcase_create("plans");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, rig_set_up, rig_tear_down);
    tcase_add_test(tc, no_plan_scans_or_hashes_whatever_the_statistics);
    tcase_add_test(tc, head_and_streams_are_updated_in_place);
    tcase_add_test(tc, a_stream_is_looked_for_in_its_own_partitions_only);
    tcase_add_test(tc, a_stream_is_read_by_its_versions_not_by_the_positions_it_spans);
    tcase_add_test(tc, a_page_of_a_stream_is_looked_for_in_its_own_partitions_only);
    suite_add_tcase(suite, tc);
    return suite;
}
