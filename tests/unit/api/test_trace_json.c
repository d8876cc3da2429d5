/* SPDX-License-Identifier: Apache-2.0 */
#include "api/trace_json.h"

#include "base/buf.h"
#include "base/scope.h"
#include "projection/trace.h"

#include <check.h>

Suite *api_trace_json_suite(void);

static const struct event order_placed = {
    .position = {7},
    .version = {2},
    .recorded_at_us = 1000000,
    .id = STR_INIT("e-1"),
    .type = STR_INIT("OrderPlaced"),
    .stream = STR_INIT("order-1"),
    .origin = {.correlation_id = STR_INIT("c"), .request_id = STR_INIT("r")},
};

#define EVENT \
    "{\"id\":\"e-1\",\"type\":\"OrderPlaced\",\"stream\":\"order-1\",\"version\":2,\"position\":" \
    "7," \
    "\"recorded_at\":\"1970-01-01T00:00:01Z\",\"correlation_id\":\"c\",\"request_id\":\"r\"," \
    "\"traceparent\":null,"

static void expect(const struct event_trace *trace, const char *json)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1 << 16);

    trace_write_json(&order_placed, trace, &out);
    buf_add_char(&out, '\0');
    ck_assert_str_eq(out.data, json);
}

START_TEST(before_its_topic_is_made_little_is_known)
{
    struct event_trace trace = {.partition = -1, .offset = {-1}};

    expect(&trace, EVENT "\"topic\":{\"name\":null,\"partition\":null,\"offset\":null,"
                         "\"state\":\"pending\",\"published_to\":0},"
                         "\"projections\":[],\"dead_letters\":[]}");
}
END_TEST

START_TEST(each_projection_says_what_became_of_it)
{
    struct traced_projection projections[] = {
        {.name = STR("a"), .generation = 0, .state = TRACE_NOT_READ_YET},
        {.name = STR("b"), .generation = 2, .state = TRACE_APPLIED, .checkpoint = {9}},
        {.name = STR("c"),
         .generation = 1,
         .state = TRACE_PARKED,
         .checkpoint = {9},
         .parked_version = {2},
         .parked_state = STR("retrying"),
         .attempts = 1,
         .message = STR("no \"fit\"")},
        {.name = STR("d"), .generation = 1, .state = TRACE_DISCARDED, .checkpoint = {9}},
    };
    struct event_trace trace = {.published = TRACE_PUBLISHED,
                                .cursor = {12},
                                .topic = STR("p.order"),
                                .partition = 3,
                                .offset = {41},
                                .projections = projections,
                                .projections_count = 4};

    expect(&trace,
           EVENT "\"topic\":{\"name\":\"p.order\",\"partition\":3,\"offset\":41,"
                 "\"state\":\"published\",\"published_to\":12},"
                 "\"projections\":[{\"name\":\"a\",\"generation\":0,\"state\":\"pending\","
                 "\"checkpoint\":0},"
                 "{\"name\":\"b\",\"generation\":2,\"state\":\"applied\",\"checkpoint\":9},"
                 "{\"name\":\"c\",\"generation\":1,\"state\":\"parked\",\"checkpoint\":9,"
                 "\"parked_version\":2,\"parked_state\":\"retrying\",\"attempts\":1,"
                 "\"message\":\"no \\\"fit\\\"\"},"
                 "{\"name\":\"d\",\"generation\":1,\"state\":\"discarded\",\"checkpoint\":9}],"
                 "\"dead_letters\":[]}");
}
END_TEST

Suite *api_trace_json_suite(void)
{
    Suite *suite = suite_create("api_trace_json");
    TCase *tc = tcase_create("trace_json");

    tcase_add_test(tc, before_its_topic_is_made_little_is_known);
    tcase_add_test(tc, each_projection_says_what_became_of_it);
    suite_add_tcase(suite, tc);
    return suite;
}
