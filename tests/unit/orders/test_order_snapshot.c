/* SPDX-License-Identifier: Apache-2.0 */
/* States of orders and stock as snapshots keep them. */
#include <check.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "orders/order_state.h"
#include "orders/stock.h"

Suite *orders_order_snapshot_suite(void);

#define BY "\"customer_id\":\"ada\",\"currency\":\"EUR\","
#define CHANGE "\"change\":{\"orders\":0,\"items\":0,\"total_minor\":0}}"
#define LINE(n, sku, quantity, price) \
    "{\"line\":" n ",\"sku\":\"" sku "\",\"quantity\":" quantity ",\"unit_price_minor\":" price "}"

struct told {
    const char *type;
    const char *data;
};

static const struct {
    struct told events[8];
    const char *state;
} lives[] = {
    {{{"OrderDrafted", "{" BY "\"lines\":[],\"total_minor\":0," CHANGE}},
     "{\"status\":\"draft\",\"last_line\":0,\"total_minor\":0,\"paid_minor\":0,"
     "\"refunded_minor\":0,\"items\":0,\"customer_id\":\"ada\",\"currency\":\"EUR\",\"lines\":[]}"},
    {{{"OrderPlaced", "{" BY "\"lines\":[" LINE("1", "a", "5", "100") "," LINE(
                          "2", "b:~@", "1", "9007199254740991") "],\"total_minor\":700," CHANGE},
      {"LineRemoved", "{" BY "\"line\":2,\"sku\":\"b:~@\",\"quantity\":1,\"unit_price_minor\":1,"
                      "\"total_minor\":500," CHANGE},
      {"LineAdded", "{" BY "\"line\":3,\"sku\":\"c\",\"quantity\":2,\"unit_price_minor\":0,"
                    "\"total_minor\":500," CHANGE},
      {"OrderPaid", "{" BY "\"amount_minor\":500," CHANGE},
      {"OrderRefunded", "{" BY "\"amount_minor\":20," CHANGE},
      {"OrderShipped",
       "{" BY "\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":3}],\"complete\":false," CHANGE}},
     "{\"status\":\"paid\",\"last_line\":3,\"total_minor\":500,\"paid_minor\":500,"
     "\"refunded_minor\":20,\"items\":7,\"customer_id\":\"ada\",\"currency\":\"EUR\",\"lines\":["
     "{\"line\":1,\"sku\":\"a\",\"quantity\":5,\"unit_price_minor\":100,\"shipped\":3},"
     "{\"line\":3,\"sku\":\"c\",\"quantity\":2,\"unit_price_minor\":0,\"shipped\":0}]}"},
};

static struct order_state *fold(const struct told *events)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct order_state *state = order_aggregate.state_new();
    struct domain_event event;
    struct error err;

    for (; events->type != NULL; events++) {
        ck_assert_msg(
            order_event_parse(str_of(events->type), str_of(events->data), 0, arena, &event, &err),
            "%s", err.text);
        ck_assert_msg(order_aggregate.evolve(state, &event, &err), "%s", err.text);
    }
    return state;
}

/* All that is in the state is compared: a field that the snapshot forgets is found here. */
static void expect_same(const struct order_state *a, const struct order_state *b)
{
    struct order_state x = *a, y = *b;

    ck_assert_uint_eq(x.lines_count, y.lines_count);
    for (size_t i = 0; i < x.lines_count; i++)
        ck_assert_mem_eq(&x.lines[i], &y.lines[i], sizeof *x.lines);
    x.lines = y.lines = NULL;
    x.lines_capacity = y.lines_capacity = 0;
    ck_assert_mem_eq(&x, &y, sizeof x);
}

START_TEST(an_order_comes_back_as_it_was)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1 << 20);
    struct order_state *state = fold(lives[_i].events);
    void *back;
    struct error err;

    order_state_write(state, &out);
    ck_assert(str_equal(buf_str(&out), str_of(lives[_i].state)));
    ck_assert_msg(order_state_parse(buf_str(&out), &back, &err), "%s", err.text);
    expect_same(state, back);
    order_aggregate.state_free(state);
    order_aggregate.state_free(back);
}
END_TEST

/* A part of the second life's state, and what it becomes. */
static const struct {
    const char *part;
    const char *becomes;
} garbage[] = {
    {"\"paid\"", "\"none\""},
    {"\"paid\"", "\"lost\""},
    {"\"last_line\":3,", ""},
    {"\"last_line\":3", "\"last_line\":-1"},
    {"\"items\":7", "\"items\":\"7\""},
    {"\"refunded_minor\":20", "\"refunded_minor\":501"},
    {"\"ada\"", "\"a b\""},
    {"\"EUR\"", "\"EU\""},
    {"\"lines\":[", "\"lines\":7,\"more\":["},
    {"\"sku\":\"c\"", "\"sku\":\"\""},
    {"\"sku\":\"c\"", "\"sku\":\"c d\""},
    {"\"shipped\":3", "\"shipped\":6"},
    {"{\"line\":3,", "{"},
    {"]}", "]"},
    {"]}", ",7]}"},
    {"{\"status\"", "{\"future\":1,\"status\""},
};

START_TEST(what_is_no_order_is_refused)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(1 << 20);
    const char *at = strstr(lives[1].state, garbage[_i].part);
    void *back = &text;
    struct error err;

    ck_assert_ptr_nonnull(at);
    buf_add(&text, lives[1].state, (size_t)(at - lives[1].state));
    buf_add_cstr(&text, garbage[_i].becomes);
    buf_add_cstr(&text, at + strlen(garbage[_i].part));
    ck_assert(!order_state_parse(buf_str(&text), &back, &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
    ck_assert_ptr_eq(back, &text);
}
END_TEST

START_TEST(stock_comes_back_as_it_was)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1000);
    struct stock_state stock = {.on_hand = STOCK_MAX, .reserved = 17};
    void *back;
    struct error err;

    stock_aggregate.state_write(&stock, &out);
    ck_assert(str_equal(buf_str(&out), STR("{\"on_hand\":9007199254740991,\"reserved\":17}")));
    ck_assert(stock_aggregate.state_parse(buf_str(&out), &back, &err));
    ck_assert_mem_eq(back, &stock, sizeof stock);
    stock_aggregate.state_free(back);
}
END_TEST

static const char *const no_stock[] = {
    "",
    "[]",
    "{}",
    "{\"on_hand\":5}",
    "{\"on_hand\":5,\"reserved\":\"1\"}",
    "{\"on_hand\":5,\"reserved\":6}",
    "{\"on_hand\":5,\"reserved\":-1}",
    "{\"on_hand\":9007199254740992,\"reserved\":0}",
};

START_TEST(what_is_no_stock_is_refused)
{
    void *back = NULL;
    struct error err;

    ck_assert(!stock_aggregate.state_parse(str_of(no_stock[_i]), &back, &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
    ck_assert_ptr_null(back);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof(*(table)))

Suite *orders_order_snapshot_suite(void)
{
    Suite *suite = suite_create("orders_order_snapshot");
    TCase *tc = tcase_create("snapshots");

    tcase_add_loop_test(tc, an_order_comes_back_as_it_was, 0, ROWS(lives));
    tcase_add_loop_test(tc, what_is_no_order_is_refused, 0, ROWS(garbage));
    tcase_add_test(tc, stock_comes_back_as_it_was);
    tcase_add_loop_test(tc, what_is_no_stock_is_refused, 0, ROWS(no_stock));
    suite_add_tcase(suite, tc);
    return suite;
}
