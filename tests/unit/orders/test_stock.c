/* SPDX-License-Identifier: Apache-2.0 */
#include "orders/stock.h"

#include "base/arena.h"
#include "base/buf.h"

#include <check.h>
#include <string.h>

Suite *orders_stock_suite(void);

static const struct {
    struct stock_state before;
    enum stock_event_kind kind;
    int64_t quantity;
    bool applies;
    struct stock_state after;
} moves[] = {
    {{0, 0}, STOCK_RECEIVED, 5, true, {5, 0}},
    {{5, 5}, STOCK_RECEIVED, 1, true, {6, 5}},
    {{STOCK_MAX, 0}, STOCK_RECEIVED, 1, false, {STOCK_MAX, 0}},
    {{STOCK_MAX - 1, 0}, STOCK_RECEIVED, 1, true, {STOCK_MAX, 0}},
    {{5, 2}, STOCK_ADJUSTED, -3, true, {2, 2}},
    {{5, 2}, STOCK_ADJUSTED, -4, false, {5, 2}},
    {{0, 0}, STOCK_ADJUSTED, -1, false, {0, 0}},
    {{5, 2}, STOCK_RESERVED, 3, true, {5, 5}},
    {{5, 2}, STOCK_RESERVED, 4, false, {5, 2}},
    {{5, 2}, STOCK_RELEASED, 2, true, {5, 0}},
    {{5, 2}, STOCK_RELEASED, 3, false, {5, 2}},
    {{5, 2}, STOCK_TAKEN, 2, true, {3, 0}},
    {{5, 2}, STOCK_TAKEN, 3, false, {5, 2}},
};

START_TEST(stock_moves_within_its_bounds_or_not_at_all)
{
    struct stock_state state = moves[_i].before;
    struct stock_event event = {.kind = moves[_i].kind, .quantity = moves[_i].quantity};

    ck_assert_int_eq(stock_apply(&state, &event), moves[_i].applies);
    ck_assert_int_eq(state.on_hand, moves[_i].after.on_hand);
    ck_assert_int_eq(state.reserved, moves[_i].after.reserved);
}
END_TEST

static const struct {
    const char *type;
    const char *data;
} stored[] = {
    {"StockReceived", "{\"quantity\":5}"},
    {"StockAdjusted", "{\"delta\":-5,\"reason\":\"broken\"}"},
    {"StockReserved", "{\"quantity\":5,\"order_id\":\"o-1\"}"},
    {"StockReleased", "{\"quantity\":5,\"order_id\":\"o-1\"}"},
    {"StockTaken", "{\"quantity\":9007199254740991,\"order_id\":\"o-1\"}"},
};

START_TEST(what_is_stored_is_read_and_written_back_byte_for_byte)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(4096);
    struct domain_event event;
    struct error err;

    ck_assert(stock_event_parse(str_of(stored[_i].type), str_of(stored[_i].data), 0, arena, &event,
                                &err));
    stock_aggregate.event_write(&event, &out);
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
    if (!stock_event_parse(str_of(type), buf_str(&in), 0, arena, &event, &err))
        return arena_dup(arena, str_of(err.code));
    stock_aggregate.event_write(&event, &out);
    return arena_dup(arena, buf_str(&out));
}

START_TEST(what_is_written_is_read_as_the_parser_reads_it)
{
    static const char others[] = "{}[],:\"\\ 09-.eq\x01\x7F\xC3";
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct str data = str_of(stored[_i].data);

    for (size_t i = 0; i < data.len; i++) {
        for (size_t k = 0; k < sizeof others - 1; k++) {
            char changed[1024];

            memcpy(changed, data.data, data.len);
            changed[i] = others[k];
            ck_assert(
                str_equal(read_as(stored[_i].type, str_from(changed, data.len), false, arena),
                          read_as(stored[_i].type, str_from(changed, data.len), true, arena)));
        }
        ck_assert(str_equal(read_as(stored[_i].type, str_from(data.data, i), false, arena),
                            read_as(stored[_i].type, str_from(data.data, i), true, arena)));
    }
}
END_TEST

static const struct {
    const char *type;
    const char *data;
} poison[] = {
    {"StockStolen", "{\"quantity\":5}"},       {"StockReceived", "{\"quantity\":0}"},
    {"StockReceived", "{\"quantity\":-5}"},    {"StockReceived", "{\"delta\":5}"},
    {"StockReceived", "{\"quantity\":\"5\"}"}, {"StockReceived", "5"},
    {"StockAdjusted", "{\"delta\":0}"},        {"StockTaken", "{\"quantity\":9007199254740992}"},
};

START_TEST(what_is_no_event_of_stock_is_poison)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct domain_event event;
    struct error err;

    ck_assert(!stock_event_parse(str_of(poison[_i].type), str_of(poison[_i].data), 0, arena, &event,
                                 &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
}
END_TEST

START_TEST(a_stream_that_goes_below_zero_is_unreadable)
{
    struct stock_event event = {.kind = STOCK_TAKEN, .quantity = 1};
    struct domain_event domain_event = {.type = "StockTaken", .payload = &event};
    struct error err;
    void *state = stock_aggregate.state_new();

    ck_assert(!stock_aggregate.evolve(state, &domain_event, &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
    stock_aggregate.state_free(state);
}
END_TEST

START_TEST(a_sku_that_nobody_knows_has_none_available)
{
    ck_assert_int_eq(stock_available(NULL), 0);
}
END_TEST

Suite *orders_stock_suite(void)
{
    Suite *suite = suite_create("orders_stock");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, stock_moves_within_its_bounds_or_not_at_all, 0,
                        sizeof moves / sizeof *moves);
    tcase_add_loop_test(tests, what_is_stored_is_read_and_written_back_byte_for_byte, 0,
                        sizeof stored / sizeof *stored);
    tcase_add_loop_test(tests, what_is_written_is_read_as_the_parser_reads_it, 0,
                        sizeof stored / sizeof *stored);
    tcase_add_loop_test(tests, what_is_no_event_of_stock_is_poison, 0,
                        sizeof poison / sizeof *poison);
    tcase_add_test(tests, a_stream_that_goes_below_zero_is_unreadable);
    tcase_add_test(tests, a_sku_that_nobody_knows_has_none_available);
    suite_add_tcase(suite, tests);
    return suite;
}
