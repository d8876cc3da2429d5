/* SPDX-License-Identifier: Apache-2.0 */
#include "orders/order_event.h"

#include "base/arena.h"
#include "base/buf.h"

#include <check.h>
#include <string.h>

Suite *orders_order_event_suite(void);

#define OWNER "\"customer_id\":\"c-1\",\"currency\":\"EUR\""
#define NO_CHANGE "\"change\":{\"orders\":0,\"items\":0,\"total_minor\":0}"
#define LINES \
    "\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":2,\"unit_price_minor\":0}," \
    "{\"line\":2,\"sku\":\"a\",\"quantity\":1,\"unit_price_minor\":9007199254740991}]"

/* Each kind with all it can carry, as it stands in the log for ever. */
static const struct {
    const char *type;
    const char *data;
} stored[] = {
    {"OrderDrafted", "{" OWNER "," LINES ",\"total_minor\":9007199254740991," NO_CHANGE "}"},
    {"OrderPlaced", "{" OWNER "," LINES ",\"total_minor\":5,"
                    "\"change\":{\"orders\":1,\"items\":3,\"total_minor\":5}}"},
    {"LineAdded", "{" OWNER ",\"line\":3,\"sku\":\"b\",\"quantity\":1000000,"
                  "\"unit_price_minor\":1,\"total_minor\":7," NO_CHANGE "}"},
    {"LineChanged", "{" OWNER ",\"line\":3,\"sku\":\"b\",\"quantity\":1,"
                    "\"unit_price_minor\":1,\"total_minor\":7,"
                    "\"change\":{\"orders\":0,\"items\":-4,\"total_minor\":-4}}"},
    {"LineRemoved", "{" OWNER ",\"line\":3,\"sku\":\"b\",\"quantity\":1,"
                    "\"unit_price_minor\":1,\"total_minor\":0," NO_CHANGE "}"},
    {"OrderPaid", "{" OWNER ",\"amount_minor\":0,\"reference\":\"r \\\"1\\\"\"," NO_CHANGE "}"},
    {"OrderPaid", "{" OWNER ",\"amount_minor\":0," NO_CHANGE "}"},
    {"OrderShipped", "{" OWNER ",\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":2}],"
                     "\"complete\":true,\"carrier\":\"DHL\",\"tracking\":\"1Z\"," NO_CHANGE "}"},
    {"OrderDelivered", "{" OWNER "," NO_CHANGE "}"},
    {"OrderCancelled", "{" OWNER ",\"reason\":\"\xC3\xA4\","
                       "\"change\":{\"orders\":-1,\"items\":-3,\"total_minor\":-5}}"},
    {"OrderReturned", "{" OWNER ",\"reason\":\"torn\"," NO_CHANGE "}"},
    {"OrderReturned", "{" OWNER "," NO_CHANGE "}"},
    {"OrderRefunded",
     "{" OWNER ",\"amount_minor\":9007199254740991,\"reason\":\"torn\"," NO_CHANGE "}"},
    {"OrderRefunded", "{" OWNER ",\"amount_minor\":0," NO_CHANGE "}"},
};

START_TEST(what_is_stored_is_read_and_written_back_byte_for_byte)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(4096);
    struct domain_event event;
    struct error err;

    ck_assert(order_event_parse(str_of(stored[_i].type), str_of(stored[_i].data), 17, arena, &event,
                                &err));
    ck_assert_str_eq(event.type, stored[_i].type);
    ck_assert_int_eq(event.occurred_at_us, 17);
    order_event_write(&event, &out);
    ck_assert(str_equal(buf_str(&out), str_of(stored[_i].data)));
}
END_TEST

/* The event as it is written back, or the error's code. Behind a blank it is read by the parser. */
static struct str read_as(const char *type, struct str data, bool by_parser, struct arena *arena)
{
    SCOPED_VALUE(buf_release) struct buf in = BUF_INIT(4096);
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(4096);
    struct domain_event event;
    struct error err;

    if (by_parser)
        buf_add_char(&in, ' ');
    buf_add_str(&in, data);
    if (!order_event_parse(str_of(type), buf_str(&in), 0, arena, &event, &err))
        return arena_dup(arena, str_of(err.code));
    order_event_write(&event, &out);
    return arena_dup(arena, buf_str(&out));
}

static void expect_same(const char *type, struct str data, struct arena *arena)
{
    struct str quick = read_as(type, data, false, arena);
    struct str parsed = read_as(type, data, true, arena);

    ck_assert_msg(str_equal(quick, parsed), STR_FMT ": " STR_FMT " is not " STR_FMT, STR_ARG(data),
                  STR_ARG(quick), STR_ARG(parsed));
}

START_TEST(what_is_written_is_read_as_the_parser_reads_it)
{
    static const char others[] = "{}[],:\"\\ 09-.eltu\x01\x7F\xC3";
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct str data = str_of(stored[_i].data);

    for (size_t i = 0; i < data.len; i++) {
        char changed[1024];

        memcpy(changed, data.data, data.len);
        expect_same(stored[_i].type, str_from(changed, i), arena);
        for (size_t k = 0; k < sizeof others - 1; k++) {
            changed[i] = others[k];
            expect_same(stored[_i].type, str_from(changed, data.len), arena);
        }
        memmove(changed + i, data.data + i + 1, data.len - i - 1);
        expect_same(stored[_i].type, str_from(changed, data.len - 1), arena);
        arena_clear(arena);
    }
}
END_TEST

static const struct {
    const char *type;
    const char *data;
    const char *code;
} poison[] = {
    {"OrderExploded", "{" OWNER "," NO_CHANGE "}", "unknown-event-type"},
    {"orderpaid", "{" OWNER "," NO_CHANGE "}", "unknown-event-type"},
    {"OrderDelivered", "[]", "malformed-event"},
    {"OrderDelivered", "{" OWNER "}", "malformed-event"},
    {"OrderDelivered", "{\"currency\":\"EUR\"," NO_CHANGE "}", "malformed-event"},
    {"OrderDelivered", "{\"customer_id\":\"\",\"currency\":\"EUR\"," NO_CHANGE "}",
     "malformed-event"},
    {"OrderDelivered", "{\"customer_id\":\"c\",\"currency\":\"EURO\"," NO_CHANGE "}",
     "malformed-event"},
    {"OrderDelivered", "{" OWNER ",\"change\":{\"orders\":2,\"items\":0,\"total_minor\":0}}",
     "malformed-event"},
    {"OrderPaid", "{" OWNER ",\"amount_minor\":-1," NO_CHANGE "}", "malformed-event"},
    {"OrderPaid", "{" OWNER ",\"amount_minor\":1.0," NO_CHANGE "}", "malformed-event"},
    {"OrderRefunded", "{" OWNER "," NO_CHANGE "}", "malformed-event"},
    {"OrderRefunded", "{" OWNER ",\"amount_minor\":9007199254740992," NO_CHANGE "}",
     "malformed-event"},
    {"LineAdded",
     "{" OWNER ",\"line\":0,\"sku\":\"b\",\"quantity\":1,\"unit_price_minor\":1,"
     "\"total_minor\":7," NO_CHANGE "}",
     "malformed-event"},
    {"LineAdded",
     "{" OWNER ",\"line\":1,\"sku\":\"b\",\"quantity\":0,\"unit_price_minor\":1,"
     "\"total_minor\":7," NO_CHANGE "}",
     "malformed-event"},
    {"OrderPlaced", "{" OWNER ",\"lines\":{},\"total_minor\":5," NO_CHANGE "}", "malformed-event"},
    {"OrderShipped", "{" OWNER ",\"lines\":[]," NO_CHANGE "}", "malformed-event"},
};

START_TEST(what_is_no_event_of_an_order_is_poison)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct domain_event event;
    struct error err;

    ck_assert(!order_event_parse(str_of(poison[_i].type), str_of(poison[_i].data), 0, arena, &event,
                                 &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
    ck_assert_str_eq(err.code, poison[_i].code);
}
END_TEST

Suite *orders_order_event_suite(void)
{
    Suite *suite = suite_create("orders_order_event");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, what_is_stored_is_read_and_written_back_byte_for_byte, 0,
                        sizeof stored / sizeof *stored);
    tcase_add_loop_test(tests, what_is_written_is_read_as_the_parser_reads_it, 0,
                        sizeof stored / sizeof *stored);
    tcase_add_loop_test(tests, what_is_no_event_of_an_order_is_poison, 0,
                        sizeof poison / sizeof *poison);
    suite_add_tcase(suite, tests);
    return suite;
}
