/* SPDX-License-Identifier: Apache-2.0 */
#include "orders/orders.h"

#include "base/arena.h"
#include "base/buf.h"

#include <check.h>

#include "orders/projections.h"

Suite *orders_orders_projection_suite(void);

#define OWNER "\"customer_id\":\"c\",\"currency\":\"EUR\""
#define CHANGE(orders, items, total) \
    "\"change\":{\"orders\":" orders ",\"items\":" items ",\"total_minor\":" total "}"
#define LINE_1 "{\"line\":1,\"sku\":\"a\",\"quantity\":2,\"unit_price_minor\":100}"
#define LINE_MEMBERS(line, sku, quantity) \
    "\"line\":" line ",\"sku\":\"" sku "\",\"quantity\":" quantity ",\"unit_price_minor\":50"

struct step {
    const char *type;
    const char *data;
};

static const struct step drafted = {"OrderDrafted",
                                    "{" OWNER ",\"lines\":[" LINE_1
                                    "],\"total_minor\":200," CHANGE("0", "0", "0") "}"};
static const struct step placed = {"OrderPlaced",
                                   "{" OWNER ",\"lines\":[" LINE_1
                                   "],\"total_minor\":200," CHANGE("1", "2", "200") "}"};
static const struct step added = {
    "LineAdded",
    "{" OWNER "," LINE_MEMBERS("2", "b", "1") ",\"total_minor\":250," CHANGE("0", "1", "50") "}"};
static const struct step changed = {
    "LineChanged",
    "{" OWNER "," LINE_MEMBERS("2", "b", "4") ",\"total_minor\":400," CHANGE("0", "3", "150") "}"};
static const struct step removed = {
    "LineRemoved", "{" OWNER "," LINE_MEMBERS("2", "b", "4") ",\"total_minor\":200," CHANGE(
                       "0", "-4", "-200") "}"};
static const struct step paid = {"OrderPaid",
                                 "{" OWNER ",\"amount_minor\":200," CHANGE("0", "0", "0") "}"};
static const struct step shipped_part = {
    "OrderShipped",
    "{" OWNER ",\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":1}],\"complete\":false," CHANGE(
        "0", "0", "0") "}"};
static const struct step shipped_rest = {
    "OrderShipped",
    "{" OWNER ",\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":1}],\"complete\":true," CHANGE(
        "0", "0", "0") "}"};
static const struct step delivered = {"OrderDelivered", "{" OWNER "," CHANGE("0", "0", "0") "}"};
static const struct step cancelled = {"OrderCancelled",
                                      "{" OWNER "," CHANGE("-1", "-2", "-200") "}"};
static const struct step returned = {"OrderReturned", "{" OWNER "," CHANGE("0", "0", "0") "}"};
static const struct step refunded = {"OrderRefunded",
                                     "{" OWNER ",\"amount_minor\":80," CHANGE("0", "0", "0") "}"};
static const struct step refunded_0 = {"OrderRefunded",
                                       "{" OWNER ",\"amount_minor\":0," CHANGE("0", "0", "0") "}"};
static const struct step unknown = {"OrderTeleported", "{" OWNER "," CHANGE("0", "0", "0") "}"};

enum { STEPS_MAX = 8 };

/* Folds the I-th step as version I + 1, occurred at second I + 1. */
static bool fold_step(struct row *row, const struct step *step, int64_t index, struct arena *arena,
                      struct error *err)
{
    struct event event = {.version = VERSION(index + 1),
                          .occurred_at_us = (index + 1) * 1000000,
                          .recorded_at_us = (index + 101) * 1000000,
                          .type = str_of(step->type),
                          .tenant = STR("main"),
                          .stream = STR("order-7"),
                          .data = str_of(step->data)};

    if (!orders_projection.fold(row, &event, arena, err))
        return false;
    row->version = event.version;
    return true;
}

static size_t steps_count(const struct step *const *steps)
{
    size_t count = 0;

    while (count < STEPS_MAX && steps[count] != NULL)
        count++;
    return count;
}

static const struct {
    const struct step *steps[STEPS_MAX];
    const char *shown;
} lives[] = {
    {{&placed},
     "{\"order_id\":\"7\",\"customer_id\":\"c\",\"status\":\"placed\",\"currency\":\"EUR\","
     "\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":2,\"unit_price_minor\":100,\"shipped\":0}],"
     "\"total_minor\":200,\"paid_minor\":0,\"refunded_minor\":0,"
     "\"placed_at\":\"1970-01-01T00:00:01Z\",\"paid_at\":null,\"shipped_at\":null,"
     "\"delivered_at\":null,\"cancelled_at\":null,\"updated_at\":\"1970-01-01T00:01:41Z\","
     "\"version\":1}"},
    {{&drafted, &added, &changed, &placed},
     "{\"order_id\":\"7\",\"customer_id\":\"c\",\"status\":\"placed\",\"currency\":\"EUR\","
     "\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":2,\"unit_price_minor\":100,\"shipped\":0},"
     "{\"line\":2,\"sku\":\"b\",\"quantity\":4,\"unit_price_minor\":50,\"shipped\":0}],"
     "\"total_minor\":200,\"paid_minor\":0,\"refunded_minor\":0,"
     "\"placed_at\":\"1970-01-01T00:00:04Z\",\"paid_at\":null,\"shipped_at\":null,"
     "\"delivered_at\":null,\"cancelled_at\":null,\"updated_at\":\"1970-01-01T00:01:44Z\","
     "\"version\":4}"},
    {{&placed, &added, &removed, &paid, &shipped_part},
     "{\"order_id\":\"7\",\"customer_id\":\"c\",\"status\":\"paid\",\"currency\":\"EUR\","
     "\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":2,\"unit_price_minor\":100,\"shipped\":1}],"
     "\"total_minor\":200,\"paid_minor\":200,\"refunded_minor\":0,"
     "\"placed_at\":\"1970-01-01T00:00:01Z\",\"paid_at\":\"1970-01-01T00:00:04Z\","
     "\"shipped_at\":null,\"delivered_at\":null,\"cancelled_at\":null,"
     "\"updated_at\":\"1970-01-01T00:01:45Z\",\"version\":5}"},
    {{&placed, &paid, &shipped_part, &shipped_rest, &delivered},
     "{\"order_id\":\"7\",\"customer_id\":\"c\",\"status\":\"delivered\",\"currency\":\"EUR\","
     "\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":2,\"unit_price_minor\":100,\"shipped\":2}],"
     "\"total_minor\":200,\"paid_minor\":200,\"refunded_minor\":0,"
     "\"placed_at\":\"1970-01-01T00:00:01Z\",\"paid_at\":\"1970-01-01T00:00:02Z\","
     "\"shipped_at\":\"1970-01-01T00:00:04Z\",\"delivered_at\":\"1970-01-01T00:00:05Z\","
     "\"cancelled_at\":null,\"updated_at\":\"1970-01-01T00:01:45Z\",\"version\":5}"},
    {{&placed, &paid, &refunded, &shipped_part, &shipped_rest, &delivered, &returned, &refunded},
     "{\"order_id\":\"7\",\"customer_id\":\"c\",\"status\":\"returned\",\"currency\":\"EUR\","
     "\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":2,\"unit_price_minor\":100,\"shipped\":2}],"
     "\"total_minor\":200,\"paid_minor\":200,\"refunded_minor\":160,"
     "\"placed_at\":\"1970-01-01T00:00:01Z\",\"paid_at\":\"1970-01-01T00:00:02Z\","
     "\"shipped_at\":\"1970-01-01T00:00:05Z\",\"delivered_at\":\"1970-01-01T00:00:06Z\","
     "\"cancelled_at\":null,\"updated_at\":\"1970-01-01T00:01:48Z\",\"version\":8}"},
    {{&placed, &paid, &cancelled, &refunded},
     "{\"order_id\":\"7\",\"customer_id\":\"c\",\"status\":\"cancelled\",\"currency\":\"EUR\","
     "\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":2,\"unit_price_minor\":100,\"shipped\":0}],"
     "\"total_minor\":200,\"paid_minor\":200,\"refunded_minor\":80,"
     "\"placed_at\":\"1970-01-01T00:00:01Z\",\"paid_at\":\"1970-01-01T00:00:02Z\","
     "\"shipped_at\":null,\"delivered_at\":null,\"cancelled_at\":\"1970-01-01T00:00:03Z\","
     "\"updated_at\":\"1970-01-01T00:01:44Z\",\"version\":4}"},
    {{&drafted, &cancelled},
     "{\"order_id\":\"7\",\"customer_id\":\"c\",\"status\":\"cancelled\",\"currency\":\"EUR\","
     "\"lines\":[{\"line\":1,\"sku\":\"a\",\"quantity\":2,\"unit_price_minor\":100,\"shipped\":0}],"
     "\"total_minor\":200,\"paid_minor\":0,\"refunded_minor\":0,\"placed_at\":null,\"paid_at\":"
     "null,"
     "\"shipped_at\":null,\"delivered_at\":null,\"cancelled_at\":\"1970-01-01T00:00:02Z\","
     "\"updated_at\":\"1970-01-01T00:01:42Z\",\"version\":2}"},
};

START_TEST(an_order_is_shown_as_its_events_made_it)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf shown = BUF_INIT(1 << 16);
    struct row row = {.tenant = STR("main"), .stream = STR("order-7")};
    struct error err = {0};

    for (size_t i = 0; i < steps_count(lives[_i].steps); i++)
        ck_assert_msg(fold_step(&row, lives[_i].steps[i], (int64_t)i, arena, &err), "%s", err.text);
    orders_routes.views[0].render(&row, &shown);
    buf_add_char(&shown, '\0');
    ck_assert_str_eq(shown.data, lives[_i].shown);
}
END_TEST

static const struct step *const impossible[][STEPS_MAX] = {
    {&paid},
    {&added},
    {&placed, &placed},
    {&placed, &drafted},
    {&placed, &changed},
    {&placed, &removed},
    {&placed, &added, &added},
    {&placed, &shipped_rest},
    {&placed, &delivered},
    {&placed, &paid, &paid},
    {&placed, &paid, &shipped_rest, &shipped_rest},
    {&placed, &paid, &delivered},
    {&placed, &cancelled, &cancelled},
    {&placed, &returned},
    {&placed, &paid, &shipped_part, &shipped_rest, &returned},
    {&placed, &paid, &shipped_part, &shipped_rest, &delivered, &returned, &returned},
    {&placed, &refunded_0},
    {&drafted, &refunded_0},
    {&refunded_0},
    {&placed, &cancelled, &refunded},
    {&placed, &paid, &refunded, &refunded, &refunded},
    {&placed, &unknown},
};

START_TEST(an_event_that_can_not_follow_is_poison)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct row row = {.tenant = STR("main"), .stream = STR("order-7")};
    size_t last = steps_count(impossible[_i]) - 1;
    struct error err = {0};

    for (size_t i = 0; i < last; i++)
        ck_assert(fold_step(&row, impossible[_i][i], (int64_t)i, arena, &err));
    ck_assert(!fold_step(&row, impossible[_i][last], (int64_t)last, arena, &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
}
END_TEST

static const struct {
    const struct step *step;
    size_t count;
    int64_t sums[3]; /* orders, items, total */
} changes[] = {
    {&drafted, 0, {0}},
    {&placed, 1, {1, 2, 200}},
    {&added, 1, {0, 1, 50}},
    {&removed, 1, {0, -4, -200}},
    {&paid, 0, {0}},
    {&delivered, 0, {0}},
    {&cancelled, 1, {-1, -2, -200}},
    {&returned, 0, {0}},
    {&refunded, 0, {0}},
};

START_TEST(each_event_adds_its_change_to_its_customer)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct event event = {.type = str_of(changes[_i].step->type),
                          .data = str_of(changes[_i].step->data)};
    struct delta *deltas = NULL;
    size_t count = 9;
    struct error err;

    ck_assert(customers_projection.deltas(&event, arena, &deltas, &count, &err));
    ck_assert_uint_eq(count, changes[_i].count);
    if (count == 0)
        return;
    ck_assert(str_equal(deltas[0].keys[CUSTOMERS_CUSTOMER_ID], STR("c")));
    ck_assert(str_equal(deltas[0].keys[CUSTOMERS_CURRENCY], STR("EUR")));
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(deltas[0].sums[i], changes[_i].sums[i]);
}
END_TEST

START_TEST(an_unknown_event_is_poison_to_the_roll_up_too)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct event event = {.type = str_of(unknown.type), .data = str_of(unknown.data)};
    struct delta *deltas;
    size_t count;
    struct error err;

    ck_assert(!customers_projection.deltas(&event, arena, &deltas, &count, &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
}
END_TEST

Suite *orders_orders_projection_suite(void)
{
    Suite *suite = suite_create("orders_orders_projection");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, an_order_is_shown_as_its_events_made_it, 0,
                        sizeof lives / sizeof *lives);
    tcase_add_loop_test(tests, an_event_that_can_not_follow_is_poison, 0,
                        sizeof impossible / sizeof *impossible);
    tcase_add_loop_test(tests, each_event_adds_its_change_to_its_customer, 0,
                        sizeof changes / sizeof *changes);
    tcase_add_test(tests, an_unknown_event_is_poison_to_the_roll_up_too);
    suite_add_tcase(suite, tests);
    return suite;
}
