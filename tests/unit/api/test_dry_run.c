/* SPDX-License-Identifier: Apache-2.0 */
#include "api/dry_run.h"

#include <check.h>

Suite *api_dry_run_suite(void);

static const struct write_shape command_shape = {.status = 201, .id_name = "order_id"};
static const struct write_shape append_shape = {.status = 201};

static void expect(const struct write *write, const struct write_shape *shape, const char *json)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1 << 16);

    dry_run_body(write, shape, &out);
    buf_add_char(&out, '\0');
    ck_assert_str_eq(out.data, json);
}

START_TEST(a_command_tells_id_streams_and_events_without_positions)
{
    struct written_stream streams[] = {
        {.stream = STR("order-1"), .first_version = {3}, .version = {3}, .last_position = {77}}};
    struct written_event events[] = {{.version = {3},
                                      .type = STR("OrderPaid"),
                                      .stream = STR("order-1"),
                                      .data = STR("{ \"a\":1.50}"),
                                      .occurred_at_us = 1000000}};
    struct write write = {.id = STR("1"),
                          .streams = streams,
                          .streams_count = 1,
                          .events = events,
                          .events_count = 1};

    expect(&write, &command_shape,
           "{\"dry_run\":true,\"order_id\":\"1\","
           "\"streams\":[{\"stream\":\"order-1\",\"first_version\":3,\"version\":3}],"
           "\"events\":[{\"type\":\"OrderPaid\",\"stream\":\"order-1\",\"version\":3,"
           "\"data\":{ \"a\":1.50},\"metadata\":null,"
           "\"occurred_at\":\"1970-01-01T00:00:01Z\"}]}");
}
END_TEST

START_TEST(an_append_tells_the_ids_and_metadata_it_was_given)
{
    struct written_stream streams[] = {
        {.stream = STR("note-1"), .first_version = {1}, .version = {1}},
        {.stream = STR("memo-1"), .first_version = {5}, .version = {4}}};
    struct written_event events[] = {{.version = {1},
                                      .id = STR("n-1"),
                                      .type = STR("Noted"),
                                      .stream = STR("note-1"),
                                      .data = STR("[]"),
                                      .metadata = STR("{}")}};
    struct write write = {
        .streams = streams, .streams_count = 2, .events = events, .events_count = 1};

    expect(&write, &append_shape,
           "{\"dry_run\":true,"
           "\"streams\":[{\"stream\":\"note-1\",\"first_version\":1,\"version\":1},"
           "{\"stream\":\"memo-1\",\"first_version\":5,\"version\":4}],"
           "\"events\":[{\"id\":\"n-1\",\"type\":\"Noted\",\"stream\":\"note-1\",\"version\":1,"
           "\"data\":[],\"metadata\":{},\"occurred_at\":\"1970-01-01T00:00:00Z\"}]}");
}
END_TEST

Suite *api_dry_run_suite(void)
{
    Suite *suite = suite_create("api_dry_run");
    TCase *tc = tcase_create("dry_run");

    tcase_add_test(tc, a_command_tells_id_streams_and_events_without_positions);
    tcase_add_test(tc, an_append_tells_the_ids_and_metadata_it_was_given);
    suite_add_tcase(suite, tc);
    return suite;
}
