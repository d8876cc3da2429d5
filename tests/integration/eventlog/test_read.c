/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the log and its streams. */
#include "eventlog/sql.h"
#include "tests/integration/eventlog/rig.h"

#include <stdio.h>
#include <string.h>

Suite *eventlog_read_suite(void);

static struct pg_conn *conn;
static struct arena *arena;

/* Streams note-0..2 of tenant main and memo-0 of shop in turn, 4 x 5 events of types A and B, one
 * second apart from 1000 s on. */
static void fill(void)
{
    database_run(
        the_log.database,
        "insert into streams select n, case n when 3 then 'shop' else 'main' end,"
        " case n when 3 then 'memo-0' else 'note-' || n end,"
        " case n when 3 then 'memo' else 'note' end, 5, n + 1, n + 17"
        " from generate_series(0, 3) n;"
        "insert into events (position, stream_id, version, occurred_at, recorded_at, id, type,"
        " data, correlation_id)"
        " select n + 1, n % 4, n / 4 + 1, to_timestamp(1), to_timestamp(1000 + n), 'id' || n,"
        " case n % 2 when 0 then 'A' else 'B' end, '{}', case when n = 7 then 'c7' end"
        " from generate_series(0, 19) n;"
        "update log_head set position = 20, recorded_at = to_timestamp(1019)");
}

static void set_up(void)
{
    rig_set_up();
    conn = database_connect(the_log.database, PG_PROFILE_QUERY);
    arena = arena_new(0);
}

static void tear_down(void)
{
    arena_free(arena);
    pg_free(conn);
    rig_tear_down();
}

static struct event_page read_log(int64_t after, int64_t up_to, struct log_filter filter,
                                  size_t limit)
{
    struct event_page page;
    struct error err;

    ck_assert_msg(
        log_read(conn, POSITION(after), POSITION(up_to), &filter, limit, arena, &page, &err), "%s",
        err.text);
    return page;
}

/* "1 2 3": the positions of a page. */
static const char *positions(struct event_page page)
{
    static char text[256];
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < page.count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, i == 0 ? "%lld" : " %lld",
                                (long long)page.events[i].position.n);
    return text;
}

START_TEST(an_empty_log_has_a_head)
{
    struct event_page page = read_log(0, 0, (struct log_filter){0}, 10);
    struct position head;
    struct error err;

    ck_assert_uint_eq(page.count, 0);
    ck_assert_int_eq(page.head.n, 0);
    ck_assert_int_eq(page.read_to.n, 0);
    ck_assert(log_read_head(conn, &head, &err));
    ck_assert_int_eq(head.n, 0);
}
END_TEST

static const struct {
    int64_t after;
    int64_t up_to;
    size_t limit;
    const char *positions;
    int64_t read_to;
} slices[] = {
    {0, 0, 3, "1 2 3", 3}, {3, 0, 3, "4 5 6", 6}, {17, 0, 10, "18 19 20", 20},
    {20, 0, 10, "", 20},   {25, 0, 10, "", 25},   {2, 5, 10, "3 4 5", 5},
    {2, 500, 2, "3 4", 4}, {5, 2, 10, "", 5},     {17, 20, 3, "18 19 20", 20},
};

START_TEST(slices_follow_each_other)
{
    struct event_page page;

    fill();
    for (int row = 0; row < COUNT_OF(slices); row++) {
        page = read_log(slices[row].after, slices[row].up_to, (struct log_filter){0},
                        slices[row].limit);
        ck_assert_str_eq(positions(page), slices[row].positions);
        ck_assert_int_eq(page.read_to.n, slices[row].read_to);
        ck_assert_int_eq(page.head.n, 20);
    }
}
END_TEST

static const struct {
    int64_t after;
    size_t limit;
    struct log_filter filter;
    const char *positions;
    int64_t read_to;
} filters[] = {
    {0, 10, {.tenant = STR_INIT("shop")}, "4 8 12 16 20", 20},
    {0, 2, {.tenant = STR_INIT("shop")}, "4 8", 8},
    {8, 2, {.tenant = STR_INIT("shop")}, "12 16", 16},
    {0, 3, {.category = STR_INIT("note")}, "1 2 3", 3},
    {3, 3, {.category = STR_INIT("note"), .type = STR_INIT("A")}, "5 7 9", 9},
    {0, 3, {.correlation_id = STR_INIT("c7")}, "8", 20},
    {0, 3, {.type = STR_INIT("C")}, "", 20},
    {0, 9, {.since_us = 1017000000}, "18 19 20", 20},
    {0, 9, {.since_us = 1016000001}, "18 19 20", 20},
    {18, 9, {.since_us = 1017000000}, "19 20", 20},
    {0, 9, {.until_us = 1002000000}, "1 2", 2},
    {0, 9, {.until_us = 1002000001}, "1 2 3", 3},
    {2, 9, {.until_us = 1002000000}, "", 2},
    {5, 9, {.until_us = 1002000000}, "", 5},
    {0, 9, {.since_us = 1003000000, .until_us = 1006000000}, "4 5 6", 6},
    {0, 9, {.since_us = 1003000000, .until_us = 1006000000, .type = STR_INIT("A")}, "5", 6},
    {0, 9, {.since_us = 2000000000}, "", 20},
    {0, 9, {.until_us = 1000000}, "", 0},
};

START_TEST(beyond_every_log_there_is_nothing)
{
    struct event_page page;

    fill();
    page = read_log(INT64_MAX, 0, (struct log_filter){0}, 10);
    ck_assert_uint_eq(page.count, 0);
    ck_assert_int_eq(page.read_to.n, INT64_MAX);
    ck_assert_int_eq(page.head.n, 20);
    page = read_log(INT64_MAX - 1, 0, (struct log_filter){.type = STR("A")}, 10);
    ck_assert_uint_eq(page.count, 0);
}
END_TEST

START_TEST(filters_drop_events_and_tell_how_far_they_looked)
{
    struct event_page page;

    fill();
    for (int row = 0; row < COUNT_OF(filters); row++) {
        page = read_log(filters[row].after, 0, filters[row].filter, filters[row].limit);
        ck_assert_str_eq(positions(page), filters[row].positions);
        ck_assert_int_eq(page.read_to.n, filters[row].read_to);
    }
}
END_TEST

START_TEST(a_filter_that_finds_nothing_looks_at_a_bounded_slice)
{
    struct event_page page;

    database_run(the_log.database,
                 "insert into streams values (1, 'main', 'note-1', 'note', 30000, 1, 30000);"
                 "insert into events (position, stream_id, version, occurred_at, recorded_at, id,"
                 " type, data) select n, 1, n, now(), now(), 'id' || n, 'A', '{}'"
                 " from generate_series(1, 30000) n; update log_head set position = 30000");
    page = read_log(0, 0, (struct log_filter){.type = STR("B")}, 10);
    ck_assert_uint_eq(page.count, 0);
    ck_assert_int_eq(page.read_to.n, 20000);
    page = read_log(page.read_to.n, 0, (struct log_filter){.type = STR("B")}, 10);
    ck_assert_int_eq(page.read_to.n, 30000);
}
END_TEST

START_TEST(a_slice_is_cut_by_its_bytes)
{
    struct event_page page;

    /* Random text: its size as stored is its size. */
    database_run(the_log.database,
                 "insert into streams values (1, 'main', 'note-1', 'note', 60, 1, 60);"
                 "insert into events (position, stream_id, version, occurred_at, recorded_at, id,"
                 " type, data) select n, 1, n, now(), now(), 'id' || n, 'A',"
                 " to_json((select string_agg(md5(random()::text || n || g), '')"
                 " from generate_series(1, 15000) g)) from generate_series(1, 60) n;"
                 "update log_head set position = 60");
    page = read_log(0, 0, (struct log_filter){0}, 1000);
    ck_assert_uint_ge(page.count, 30);
    ck_assert_uint_le(page.count, 40); /* of 480 kB each */
    ck_assert_int_eq(page.read_to.n, (int64_t)page.count);
    page = read_log(page.read_to.n, 0, (struct log_filter){.type = STR("A")}, 1000);
    ck_assert_int_eq(page.read_to.n, 60);
    ck_assert_int_eq(page.events[page.count - 1].position.n, 60);
}
END_TEST

START_TEST(a_slice_is_cut_by_what_compressed_bytes_become)
{
    struct stream_head head;
    struct event_page page;
    struct error err;

    database_run(the_log.database,
                 "insert into streams values (1, 'main', 'note-1', 'note', 60, 1, 60);"
                 "insert into events (position, stream_id, version, occurred_at, recorded_at, id,"
                 " type, data) select n, 1, n, now(), now(), 'id' || n, 'A',"
                 " to_json(repeat('x', 480000)) from generate_series(1, 60) n;"
                 "update log_head set position = 60");
    page = read_log(0, 0, (struct log_filter){0}, 1000);
    ck_assert_uint_eq(page.count, 35); /* the first that pass 16 MiB */
    ck_assert_int_eq(page.read_to.n, 35);
    page = read_log(35, 0, (struct log_filter){.type = STR("A")}, 1000);
    ck_assert_uint_eq(page.count, 25);
    ck_assert_int_eq(page.read_to.n, 60);
    ck_assert_msg(stream_read(conn, STR("main"), STR("note-1"), VERSION(60), STREAM_BACKWARD,
                              STR_NONE, 1000, arena, &head, &page, &err),
                  "%s", err.text);
    ck_assert_uint_eq(page.count, 35);
    ck_assert_int_eq(page.events[34].version.n, 26);
}
END_TEST

/* What comes over the connection, before the reader cuts it. */
START_TEST(a_statement_does_not_give_more_than_a_slice_for_being_compressible)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct error err;

    database_run(the_log.database,
                 "insert into streams values (1, 'main', 'note-1', 'note', 60, 1, 60);"
                 "insert into events (position, stream_id, version, occurred_at, recorded_at, id,"
                 " type, data, metadata) select n, 1, n, now(), now(), 'id' || n, 'A',"
                 " to_json(repeat('x', 240000)), to_json(repeat('y', 240000))"
                 " from generate_series(1, 60) n;"
                 "update log_head set position = 60");
    pg_params_init(&params);
    pg_add_i64(&params, 0);
    pg_add_i64(&params, INT64_MAX);
    pg_add_i64(&params, 1000);
    pg_add_i64(&params, 1000);
    pg_add_i64(&params, LOG_SLICE_BYTES_MAX);
    for (int i = 0; i < 4; i++)
        pg_add_str(&params, STR_NONE);
    ck_assert_msg(pg_query(conn, sql_log_read, &params, &rows, &err), "%s", err.text);
    ck_assert_uint_eq(pg_rows_count(rows), 35); /* as it is read */
    pg_rows_skip(rows);
}
END_TEST

START_TEST(a_missing_position_is_an_error_and_no_silence)
{
    static const int64_t missing[] = {1, 7, 20};
    struct event_page page;
    struct error err;
    char sql[64];

    fill();
    snprintf(sql, sizeof(sql), "delete from events where position = %lld", (long long)missing[_i]);
    database_run(the_log.database, sql);
    ck_assert(!log_read(conn, POSITION(0), POSITION(0), NULL, 100, arena, &page, &err));
    ck_assert_int_eq(err.class, ERROR_FATAL);
    snprintf(sql, sizeof(sql), "no event at position %lld", (long long)missing[_i]);
    ck_assert_msg(strstr(err.text, sql) != NULL, "%s", err.text);
}
END_TEST

START_TEST(one_event_is_found_by_its_position)
{
    struct event event;
    struct error err;
    bool found;

    fill();
    ck_assert(log_find_event(conn, POSITION(8), arena, &event, &found, &err));
    ck_assert(found);
    EXPECT_STR(event.id, "id7");
    EXPECT_STR(event.stream, "memo-0");
    EXPECT_STR(event.tenant, "shop");
    EXPECT_STR(event.origin.correlation_id, "c7");
    ck_assert_int_eq(event.version.n, 2);
    ck_assert(log_find_event(conn, POSITION(21), arena, &event, &found, &err));
    ck_assert(!found);
}
END_TEST

START_TEST(a_stream_is_found_by_tenant_and_name)
{
    struct stream_head head;
    struct error err;

    fill();
    ck_assert(stream_find(conn, STR("shop"), STR("memo-0"), &head, &err));
    ck_assert_int_eq(head.id, 3);
    ck_assert_int_eq(head.version.n, 5);
    ck_assert_int_eq(head.first_position.n, 4);
    ck_assert_int_eq(head.last_position.n, 20);
    ck_assert(stream_find(conn, STR("main"), STR("memo-0"), &head, &err));
    ck_assert_int_eq(head.version.n, 0);
}
END_TEST

static const struct {
    int64_t from;
    enum stream_direction direction;
    const char *type;
    size_t limit;
    const char *positions;
} reads[] = {
    {1, STREAM_FORWARD, NULL, 10, "2 6 10 14 18"},
    {2, STREAM_FORWARD, NULL, 2, "6 10"},
    {5, STREAM_FORWARD, NULL, 2, "18"},
    {6, STREAM_FORWARD, NULL, 2, ""},
    {5, STREAM_BACKWARD, NULL, 2, "18 14"},
    {9, STREAM_BACKWARD, NULL, 2, "18 14"},
    {2, STREAM_BACKWARD, NULL, 9, "6 2"},
    {1, STREAM_FORWARD, "B", 9, "2 6 10 14 18"},
    {1, STREAM_FORWARD, "A", 9, ""},
    {4, STREAM_BACKWARD, "B", 1, "14"},
};

START_TEST(a_stream_is_read_both_ways)
{
    struct stream_head head;
    struct event_page page;
    struct error err;

    fill();
    for (int row = 0; row < COUNT_OF(reads); row++) {
        ck_assert_msg(stream_read(conn, STR("main"), STR("note-1"), VERSION(reads[row].from),
                                  reads[row].direction, str_of(reads[row].type), reads[row].limit,
                                  arena, &head, &page, &err),
                      "%s", err.text);
        ck_assert_str_eq(positions(page), reads[row].positions);
        ck_assert_int_eq(head.version.n, 5);
        for (size_t i = 0; i < page.count; i++)
            EXPECT_STR(page.events[i].stream, "note-1");
    }
}
END_TEST

START_TEST(a_stream_that_is_not_there_is_empty)
{
    struct stream_head head;
    struct event_page page;
    struct error err;

    fill();
    ck_assert(stream_read(conn, STR("main"), STR("note-9"), VERSION(1), STREAM_FORWARD, STR_NONE,
                          10, arena, &head, &page, &err));
    ck_assert_int_eq(head.version.n, 0);
    ck_assert_uint_eq(page.count, 0);
}
END_TEST

START_TEST(a_missing_version_makes_a_stream_unreadable)
{
    struct stream_head head;
    struct event_page page;
    struct error err;

    fill();
    database_run(the_log.database, _i < 2 ? "delete from events where position = 10"
                                          : "delete from events where position = 18");
    ck_assert(!stream_read(conn, STR("main"), STR("note-1"), VERSION(_i % 2 == 0 ? 1 : 5),
                           _i % 2 == 0 ? STREAM_FORWARD : STREAM_BACKWARD, STR_NONE, 10, arena,
                           &head, &page, &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
    ck_assert_str_eq(err.code, "stream-unreadable");
    ck_assert_msg(strstr(err.text, _i < 2 ? "version 3 is missing" : "version 5 is missing") !=
                      NULL,
                  "%s", err.text);
}
END_TEST

static const struct {
    const char *prefix;
    const char *after;
    size_t limit;
    const char *names;
} lists[] = {
    {"", NULL, 10, "note-0 note-1 note-2 "},
    {"note-", NULL, 2, "note-0 note-1 "},
    {"note-", "note-1", 2, "note-2 "},
    {"note-2", NULL, 2, "note-2 "},
    {"noted", NULL, 2, ""},
    {"note-2", "note-0", 2, "note-2 "},
    {"", "note-2", 2, ""},
};

START_TEST(streams_are_listed_by_prefix)
{
    struct stream_info *streams;
    struct error err;
    size_t count;

    fill();
    for (int row = 0; row < COUNT_OF(lists); row++) {
        SCOPED_VALUE(buf_release) struct buf names = BUF_INIT(256);

        ck_assert(streams_list(conn, STR("main"), str_of(lists[row].prefix),
                               str_of(lists[row].after), lists[row].limit, arena, &streams, &count,
                               &err));
        for (size_t i = 0; i < count; i++) {
            buf_add_str(&names, streams[i].stream);
            buf_add_char(&names, ' ');
            ck_assert_int_eq(streams[i].version.n, 5);
            ck_assert_int_ge(streams[i].last_position.n, 17);
        }
        EXPECT_STR(buf_str(&names), lists[row].names);
    }
}
END_TEST

Suite *eventlog_read_suite(void)
{
    Suite *suite = suite_create("eventlog_read");
    TCase *tc = tcase_create("read");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, an_empty_log_has_a_head);
    tcase_add_test(tc, slices_follow_each_other);
    tcase_add_test(tc, beyond_every_log_there_is_nothing);
    tcase_add_test(tc, filters_drop_events_and_tell_how_far_they_looked);
    tcase_add_test(tc, a_filter_that_finds_nothing_looks_at_a_bounded_slice);
    tcase_add_test(tc, a_slice_is_cut_by_its_bytes);
    tcase_add_test(tc, a_slice_is_cut_by_what_compressed_bytes_become);
    tcase_add_test(tc, a_statement_does_not_give_more_than_a_slice_for_being_compressible);
    tcase_add_loop_test(tc, a_missing_position_is_an_error_and_no_silence, 0, 3);
    tcase_add_test(tc, one_event_is_found_by_its_position);
    tcase_add_test(tc, a_stream_is_found_by_tenant_and_name);
    tcase_add_test(tc, a_stream_is_read_both_ways);
    tcase_add_test(tc, a_stream_that_is_not_there_is_empty);
    tcase_add_loop_test(tc, a_missing_version_makes_a_stream_unreadable, 0, 4);
    tcase_add_test(tc, streams_are_listed_by_prefix);
    suite_add_tcase(suite, tc);
    return suite;
}
