/* SPDX-License-Identifier: Apache-2.0 */
/* Lives of orders, told as commands through the writer's core, and what each came to. */
#include <check.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "orders/order_commands.h"
#include "orders/orders.h"
#include "orders/stock.h"
#include "tests/unit/eventlog/fake_log.h"

Suite *orders_order_decide_suite(void);

struct step {
    const struct command_type *command;
    const char *id;
    const char *body;
    /* "OrderPlaced order-1 1, StockReserved stock-a 2" or "slug {members}" */
    const char *comes_to;
};

enum { STEPS_MAX = 12 };

#define PLACE(items) "{\"customer_id\":\"c\",\"currency\":\"EUR\",\"items\":[" items "]}"
#define DRAFT(items) \
    "{\"customer_id\":\"c\",\"currency\":\"EUR\",\"place\":false,\"items\":[" items "]}"
#define ITEM(sku, quantity, price) \
    "{\"sku\":\"" sku "\",\"quantity\":" quantity ",\"unit_price_minor\":" price "}"

#define RECEIVE(sku, n) \
    { \
        &stock_receive, sku, "{\"quantity\":" #n "}", "StockReceived stock-" sku " 1" \
    }
#define ALLOWED_PAID "\"allowed\":[\"order.ship\",\"order.cancel\",\"order.refund\"]"
#define PAYMENT(paid, refunded) \
    "payment-mismatch \"paid_minor\":" paid ",\"refunded_minor\":" refunded
#define ALLOWED_PLACED \
    "\"allowed\":[\"order.add-line\",\"order.change-line\",\"order.remove-line\",\"order.pay\"," \
    "\"order.cancel\"]"

static const struct life {
    const char *name;
    struct step steps[STEPS_MAX];
} lives[] = {
    {"placing reserves each SKU once, whatever the lines",
     {RECEIVE("a", 5),
      RECEIVE("b", 1),
      {&order_place_command, "1",
       PLACE(ITEM("a", "2", "100") "," ITEM("b", "1", "0") "," ITEM("a", "3", "50")),
       "OrderPlaced order-1 1, StockReserved stock-a 2, StockReserved stock-b 2"},
      {&order_place_command, "2", PLACE(ITEM("a", "1", "1")),
       "insufficient-stock \"shortages\":[{\"sku\":\"a\",\"requested\":1,\"available\":0}]"}}},
    {"all shortages are told, an unknown SKU has none, and nothing is reserved",
     {RECEIVE("a", 5),
      {&order_place_command, "1",
       PLACE(ITEM("a", "3", "1") "," ITEM("a", "3", "1") "," ITEM("x", "1", "1")),
       "insufficient-stock \"shortages\":[{\"sku\":\"a\",\"requested\":6,\"available\":5},"
       "{\"sku\":\"x\",\"requested\":1,\"available\":0}]"},
      {&order_place_command, "1", PLACE(ITEM("a", "5", "1")),
       "OrderPlaced order-1 1, StockReserved stock-a 2"}}},
    {"an order is placed once",
     {RECEIVE("a", 5),
      {&order_place_command, "1", PLACE(ITEM("a", "1", "1")),
       "OrderPlaced order-1 1, StockReserved stock-a 2"},
      {&order_place_command, "1", PLACE(ITEM("a", "1", "1")), "already-exists "}}},
    {"a command on a missing order is not found",
     {{&order_pay_command, "1", "{\"amount_minor\":1}", "not-found "},
      {&order_cancel_command, "1", "{}", "not-found "},
      {&order_add_line_command, "1", ITEM("a", "1", "1"), "not-found "}}},
    {"a draft reserves nothing until it is placed",
     {RECEIVE("a", 5),
      {&order_place_command, "1", DRAFT(""), "OrderDrafted order-1 1"},
      {&order_place_draft_command, "1", "{}",
       "order-state \"state\":\"draft\",\"allowed\":[\"order.add-line\",\"order.change-line\","
       "\"order.remove-line\",\"order.place-draft\",\"order.cancel\"]"},
      {&order_add_line_command, "1", ITEM("a", "6", "1"), "LineAdded order-1 2"},
      {&order_place_draft_command, "1", "{}",
       "insufficient-stock \"shortages\":[{\"sku\":\"a\",\"requested\":6,\"available\":5}]"},
      {&order_change_line_command, "1", "{\"line\":1,\"quantity\":5}", "LineChanged order-1 3"},
      {&order_place_draft_command, "1", "{}", "OrderPlaced order-1 4, StockReserved stock-a 2"},
      {&order_place_draft_command, "1", "{}", "order-state \"state\":\"placed\"," ALLOWED_PLACED}}},
    {"a cancelled draft releases nothing",
     {{&order_place_command, "1", DRAFT(ITEM("a", "1", "1")), "OrderDrafted order-1 1"},
      {&order_cancel_command, "1", "{}", "OrderCancelled order-1 2"},
      {&order_cancel_command, "1", "{}", "order-state \"state\":\"cancelled\",\"allowed\":[]"}}},
    {"reservations follow the lines of a placed order",
     {RECEIVE("a", 5),
      {&order_place_command, "1", PLACE(ITEM("a", "2", "100")),
       "OrderPlaced order-1 1, StockReserved stock-a 2"},
      {&order_add_line_command, "1", ITEM("a", "4", "1"),
       "insufficient-stock \"shortages\":[{\"sku\":\"a\",\"requested\":4,\"available\":3}]"},
      {&order_add_line_command, "1", ITEM("a", "1", "1"),
       "LineAdded order-1 2, StockReserved stock-a 3"},
      {&order_change_line_command, "1", "{\"line\":2,\"quantity\":3}",
       "LineChanged order-1 3, StockReserved stock-a 4"},
      {&order_change_line_command, "1", "{\"line\":2,\"quantity\":1}",
       "LineChanged order-1 4, StockReleased stock-a 5"},
      {&order_change_line_command, "1", "{\"line\":3,\"quantity\":1}", "not-found "},
      {&order_remove_line_command, "1", "{\"line\":1}",
       "LineRemoved order-1 5, StockReleased stock-a 6"},
      {&order_remove_line_command, "1", "{\"line\":2}",
       "order-state \"state\":\"placed\"," ALLOWED_PLACED},
      {&order_cancel_command, "1", "{}", "OrderCancelled order-1 6, StockReleased stock-a 7"},
      {&stock_adjust, "a", "{\"delta\":-5,\"reason\":\"r\"}", "StockAdjusted stock-a 8"}}},
    {"exactly the total is paid, and once",
     {RECEIVE("a", 5),
      {&order_place_command, "1", PLACE(ITEM("a", "2", "100")),
       "OrderPlaced order-1 1, StockReserved stock-a 2"},
      {&order_pay_command, "1", "{\"amount_minor\":199}", "payment-mismatch \"total_minor\":200"},
      {&order_pay_command, "1", "{\"amount_minor\":201}", "payment-mismatch \"total_minor\":200"},
      {&order_pay_command, "1", "{\"amount_minor\":200}", "OrderPaid order-1 2"},
      {&order_pay_command, "1", "{\"amount_minor\":200}",
       "order-state \"state\":\"paid\"," ALLOWED_PAID}}},
    {"a free order is paid with 0",
     {RECEIVE("a", 5),
      {&order_place_command, "1", PLACE(ITEM("a", "2", "0")),
       "OrderPlaced order-1 1, StockReserved stock-a 2"},
      {&order_pay_command, "1", "{\"amount_minor\":0}", "OrderPaid order-1 2"}}},
    {"shipping takes what was reserved, in parts",
     {RECEIVE("a", 5),
      {&order_place_command, "1", PLACE(ITEM("a", "3", "0") "," ITEM("a", "1", "0")),
       "OrderPlaced order-1 1, StockReserved stock-a 2"},
      {&order_ship_command, "1", "{}", "order-state \"state\":\"placed\"," ALLOWED_PLACED},
      {&order_pay_command, "1", "{\"amount_minor\":0}", "OrderPaid order-1 2"},
      {&order_ship_command, "1", "{\"lines\":[{\"line\":1,\"quantity\":4}]}",
       "order-state \"state\":\"paid\"," ALLOWED_PAID},
      {&order_ship_command, "1", "{\"lines\":[{\"line\":1,\"quantity\":2}]}",
       "OrderShipped order-1 3, StockTaken stock-a 3"},
      {&order_cancel_command, "1", "{}", "order-state \"state\":\"paid\"," ALLOWED_PAID},
      {&order_deliver_command, "1", "{}", "order-state \"state\":\"paid\"," ALLOWED_PAID},
      {&order_ship_command, "1", "{}", "OrderShipped order-1 4, StockTaken stock-a 4"},
      {&order_deliver_command, "1", "{}", "OrderDelivered order-1 5"},
      {&stock_adjust, "a", "{\"delta\":-1,\"reason\":\"r\"}", "StockAdjusted stock-a 5"}}},
    {"only a delivered order comes back, once, and its stock stays as it is",
     {RECEIVE("a", 5),
      {&order_return_command, "1", "{}", "not-found "},
      {&order_place_command, "1", PLACE(ITEM("a", "5", "1")),
       "OrderPlaced order-1 1, StockReserved stock-a 2"},
      {&order_return_command, "1", "{}", "order-state \"state\":\"placed\"," ALLOWED_PLACED},
      {&order_pay_command, "1", "{\"amount_minor\":5}", "OrderPaid order-1 2"},
      {&order_ship_command, "1", "{}", "OrderShipped order-1 3, StockTaken stock-a 3"},
      {&order_return_command, "1", "{}",
       "order-state \"state\":\"shipped\",\"allowed\":[\"order.deliver\",\"order.refund\"]"},
      {&order_deliver_command, "1", "{}", "OrderDelivered order-1 4"},
      {&order_return_command, "1", "{\"reason\":\"torn\"}", "OrderReturned order-1 5"},
      {&order_return_command, "1", "{}",
       "order-state \"state\":\"returned\",\"allowed\":[\"order.refund\"]"},
      {&order_refund_command, "1", "{\"amount_minor\":5}", "OrderRefunded order-1 6"},
      {&stock_adjust, "a", "{\"delta\":-1,\"reason\":\"r\"}",
       "insufficient-stock \"shortages\":[{\"sku\":\"a\",\"requested\":1,\"available\":0}]"}}},
    {"what was paid is refunded in parts, and no more",
     {RECEIVE("a", 5),
      {&order_place_command, "1", PLACE(ITEM("a", "1", "9007199254740991")),
       "OrderPlaced order-1 1, StockReserved stock-a 2"},
      {&order_refund_command, "1", "{\"amount_minor\":0}",
       "order-state \"state\":\"placed\"," ALLOWED_PLACED},
      {&order_pay_command, "1", "{\"amount_minor\":9007199254740991}", "OrderPaid order-1 2"},
      {&order_refund_command, "1", "{\"amount_minor\":1}", "OrderRefunded order-1 3"},
      {&order_refund_command, "1", "{\"amount_minor\":9007199254740991}",
       PAYMENT("9007199254740991", "1")},
      {&order_ship_command, "1", "{}", "OrderShipped order-1 4, StockTaken stock-a 3"},
      {&order_refund_command, "1", "{\"amount_minor\":9007199254740990}",
       "OrderRefunded order-1 5"},
      {&order_refund_command, "1", "{\"amount_minor\":1}",
       PAYMENT("9007199254740991", "9007199254740991")},
      {&order_deliver_command, "1", "{}", "OrderDelivered order-1 6"}}},
    {"a cancelled order is refunded if it was paid",
     {RECEIVE("a", 5),
      {&order_place_command, "1", PLACE(ITEM("a", "2", "100")),
       "OrderPlaced order-1 1, StockReserved stock-a 2"},
      {&order_pay_command, "1", "{\"amount_minor\":200}", "OrderPaid order-1 2"},
      {&order_cancel_command, "1", "{}", "OrderCancelled order-1 3, StockReleased stock-a 3"},
      {&order_refund_command, "1", "{\"amount_minor\":201}", PAYMENT("200", "0")},
      {&order_refund_command, "1", "{\"amount_minor\":200}", "OrderRefunded order-1 4"},
      {&order_place_command, "2", PLACE(ITEM("a", "2", "100")),
       "OrderPlaced order-2 1, StockReserved stock-a 4"},
      {&order_cancel_command, "2", "{}", "OrderCancelled order-2 2, StockReleased stock-a 5"},
      {&order_refund_command, "2", "{\"amount_minor\":0}",
       "order-state \"state\":\"cancelled\",\"allowed\":[]"},
      {&order_refund_command, "3", "{\"amount_minor\":1}", "not-found "}}},
    {"a paid order is cancelled with all it reserved",
     {RECEIVE("a", 5),
      {&order_place_command, "1", PLACE(ITEM("a", "5", "1")),
       "OrderPlaced order-1 1, StockReserved stock-a 2"},
      {&order_pay_command, "1", "{\"amount_minor\":5}", "OrderPaid order-1 2"},
      {&order_cancel_command, "1", "{\"reason\":\"late\"}",
       "OrderCancelled order-1 3, StockReleased stock-a 3"}}},
    {"stock is adjusted down to what is reserved, and no further",
     {RECEIVE("a", 5),
      {&order_place_command, "1", PLACE(ITEM("a", "3", "1")),
       "OrderPlaced order-1 1, StockReserved stock-a 2"},
      {&stock_adjust, "a", "{\"delta\":-3,\"reason\":\"r\"}",
       "insufficient-stock \"shortages\":[{\"sku\":\"a\",\"requested\":3,\"available\":2}]"},
      {&stock_adjust, "a", "{\"delta\":-2,\"reason\":\"r\"}", "StockAdjusted stock-a 3"},
      {&stock_adjust, "b", "{\"delta\":-1,\"reason\":\"r\"}",
       "insufficient-stock \"shortages\":[{\"sku\":\"b\",\"requested\":1,\"available\":0}]"}}},
    {"a total that leaves its range is refused",
     {RECEIVE("a", 5),
      {&order_place_command, "1", PLACE(ITEM("a", "1", "9007199254740991")),
       "OrderPlaced order-1 1, StockReserved stock-a 2"},
      {&order_add_line_command, "1", ITEM("a", "1", "1"), "validation-failed "},
      {&order_change_line_command, "1", "{\"line\":1,\"quantity\":2}", "validation-failed "},
      {&order_add_line_command, "1", ITEM("a", "1", "0"),
       "LineAdded order-1 2, StockReserved stock-a 3"}}},
};

static const struct domain *const domains[] = {&orders_domain, NULL};

static void ignore_done(struct write *write)
{
    (void)write;
}

static void parse_into(struct write *write, const struct step *step)
{
    SCOPED(json_decref) json_t *body = NULL;
    struct faults *faults = faults_new(write->arena);
    struct error err;

    ck_assert(json_parse_stored(str_of(step->body), &body, &err));
    ck_assert_msg(step->command->parse(body, write->arena, faults, &write->payload), "%s",
                  step->body);
}

static void tell(const struct write *write, struct buf *out)
{
    switch (write->outcome) {
    case WRITE_APPENDED:
        for (size_t i = 0; i < write->events_count; i++)
            buf_printf(out, "%s" STR_FMT " " STR_FMT " %lld", i > 0 ? ", " : "",
                       STR_ARG(write->events[i].type), STR_ARG(write->events[i].stream),
                       (long long)write->events[i].version.n);
        break;
    case WRITE_REFUSED:
        buf_printf(out, "%s " STR_FMT, write->slug, STR_ARG(write->members));
        break;
    case WRITE_REPEATED:
    case WRITE_REPLAYED:
    case WRITE_KEY_REUSED:
    case WRITE_KEY_BUSY:
    case WRITE_CONFLICT:
    case WRITE_UNREADABLE:
    case WRITE_TOO_MANY_CATEGORIES:
    case WRITE_FAILED:
        buf_printf(out, "outcome %d %s", (int)write->outcome, write->error.text);
        break;
    }
    buf_add(out, "", 1);
}

/* Gives the step to the core and compares what came of it. */
static void run_step(struct fake_session *session, const struct step *step)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf told = BUF_INIT(1 << 16);
    struct write write = {.kind = WRITE_COMMAND,
                          .arena = arena,
                          .tenant = STR("main"),
                          .credential = STR(""),
                          .deadline_ms = INT64_MAX,
                          .command = step->command,
                          .id = str_of(step->id),
                          .expected = {.kind = EXPECT_ANY},
                          .done = ignore_done};

    parse_into(&write, step);
    core_add(session->core, &write);
    fake_run(session);
    ck_assert_ptr_eq(core_take_finished(session->core), &write);
    tell(&write, &told);
    ck_assert_str_eq(told.data, step->comes_to);
}

static struct core_config config_of_orders(void)
{
    struct core_config config = fake_core_config();

    config.domains = domains;
    return config;
}

START_TEST(commands_come_to_what_the_contract_says)
{
    struct core_config config = config_of_orders();
    struct fake_log *log = fake_log_new();
    struct fake_session session;

    fake_session_start(&session, log, &config);
    for (const struct step *step = lives[_i].steps;
         step < lives[_i].steps + STEPS_MAX && step->command != NULL; step++)
        run_step(&session, step);
    fake_session_stop(&session);
    fake_log_free(log);
}
END_TEST

START_TEST(they_come_to_the_same_when_each_loads_the_stored_events)
{
    struct core_config config = config_of_orders();
    struct fake_log *log = fake_log_new();
    struct fake_session session;

    for (const struct step *step = lives[_i].steps;
         step < lives[_i].steps + STEPS_MAX && step->command != NULL; step++) {
        fake_session_start(&session, log, &config);
        run_step(&session, step);
        fake_session_stop(&session);
    }
    fake_log_free(log);
}
END_TEST

Suite *orders_order_decide_suite(void)
{
    Suite *suite = suite_create("orders_order_decide");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, commands_come_to_what_the_contract_says, 0,
                        (int)(sizeof lives / sizeof *lives));
    tcase_add_loop_test(tests, they_come_to_the_same_when_each_loads_the_stored_events, 0,
                        (int)(sizeof lives / sizeof *lives));
    suite_add_tcase(suite, tests);
    return suite;
}
