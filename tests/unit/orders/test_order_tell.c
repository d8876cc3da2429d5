/* SPDX-License-Identifier: Apache-2.0 */
#include "orders/order_tell.h"

#include "base/arena.h"
#include "base/buf.h"
#include "projection/fold.h"

#include <check.h>

#include "orders/currency.h"

Suite *orders_order_tell_suite(void);

#define OWNER(currency) "\"customer_id\":\"ada\",\"currency\":\"" currency "\""
#define NO_CHANGE "\"change\":{\"orders\":0,\"items\":0,\"total_minor\":0}"
#define LINES \
    "\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":2,\"unit_price_minor\":5}," \
    "{\"line\":2,\"sku\":\"b\",\"quantity\":1,\"unit_price_minor\":9}]"
#define LINE "\"line\":3,\"sku\":\"b\",\"quantity\":4,\"unit_price_minor\":125"

static const struct {
    const char *type;
    const char *data;
    const char *sentence;
} told[] = {
    {"OrderDrafted", "{" OWNER("EUR") "," LINES ",\"total_minor\":19," NO_CHANGE "}",
     "customer ada drafted an order of 3 pieces on 2 lines for 0.19 EUR"},
    {"OrderPlaced",
     "{" OWNER("EUR") ",\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":1,"
                      "\"unit_price_minor\":9007199254740991}],\"total_minor\":"
                      "9007199254740991," NO_CHANGE "}",
     "customer ada placed the order of 1 piece on 1 line for 90071992547409.91 EUR"},
    {"LineAdded", "{" OWNER("JPY") "," LINE ",\"total_minor\":500," NO_CHANGE "}",
     "line 3 was added: 4 of b at 125 JPY; the total is 500 JPY"},
    {"LineChanged", "{" OWNER("KWD") "," LINE ",\"total_minor\":1005," NO_CHANGE "}",
     "line 3 was changed: 4 of b at 0.125 KWD; the total is 1.005 KWD"},
    {"LineRemoved", "{" OWNER("EUR") "," LINE ",\"total_minor\":0," NO_CHANGE "}",
     "line 3 was removed: 4 of b at 1.25 EUR; the total is 0.00 EUR"},
    {"OrderPaid", "{" OWNER("EUR") ",\"amount_minor\":2500," NO_CHANGE "}", "25.00 EUR were paid"},
    {"OrderPaid", "{" OWNER("EUR") ",\"amount_minor\":5,\"reference\":\"r-1\"," NO_CHANGE "}",
     "0.05 EUR were paid, reference r-1"},
    {"OrderShipped",
     "{" OWNER("EUR") ",\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":1}],\"complete\":false,"
                      "\"carrier\":\"post\",\"tracking\":\"1Z\"," NO_CHANGE "}",
     "1 piece was shipped by post, tracking 1Z; the rest follows"},
    {"OrderShipped",
     "{" OWNER("EUR") ",\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":2}],\"complete\":"
                      "true," NO_CHANGE "}",
     "2 pieces were shipped; nothing is left to ship"},
    {"OrderDelivered", "{" OWNER("EUR") "," NO_CHANGE "}", "the order was delivered"},
    {"OrderCancelled", "{" OWNER("EUR") ",\"reason\":\"late\"," NO_CHANGE "}",
     "the order was cancelled: late"},
    {"OrderReturned", "{" OWNER("EUR") "," NO_CHANGE "}", "the order came back"},
    {"OrderRefunded", "{" OWNER("EUR") ",\"amount_minor\":100,\"reason\":\"torn\"," NO_CHANGE "}",
     "1.00 EUR were paid back: torn"},
    {"OrderExploded", "{}",
     "an event that can not be read: unknown event type 'OrderExploded' of an order"},
    {"OrderPaid", "{}", "an event that can not be read: malformed data of 'OrderPaid'"},
};

START_TEST(each_event_is_told_in_a_sentence)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(4096);
    struct event event = {.type = str_of(told[_i].type), .data = str_of(told[_i].data)};

    order_tell(&event, arena, &out);
    buf_add_char(&out, '\0');
    ck_assert_str_eq(out.data, told[_i].sentence);
}
END_TEST

START_TEST(currencies_have_their_digits)
{
    ck_assert_int_eq(currency_minor_digits(STR("EUR")), 2);
    ck_assert_int_eq(currency_minor_digits(STR("JPY")), 0);
    ck_assert_int_eq(currency_minor_digits(STR("XPF")), 0);
    ck_assert_int_eq(currency_minor_digits(STR("BHD")), 3);
    ck_assert_int_eq(currency_minor_digits(STR("TND")), 3);
    ck_assert_int_eq(currency_minor_digits(STR("")), 2);
}
END_TEST

Suite *orders_order_tell_suite(void)
{
    Suite *suite = suite_create("orders_order_tell");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, each_event_is_told_in_a_sentence, 0, sizeof told / sizeof *told);
    tcase_add_test(tests, currencies_have_their_digits);
    suite_add_tcase(suite, tests);
    return suite;
}
