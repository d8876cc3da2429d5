/* SPDX-License-Identifier: Apache-2.0 */
#include "orders/order_commands.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

#include <check.h>

Suite *orders_order_parse_suite(void);

typedef bool (*parse_fn)(json_t *, struct arena *, struct faults *, void **);

#define PLACE(items) "{\"customer_id\":\"c\",\"currency\":\"EUR\",\"items\":[" items "]}"
#define ITEM(quantity, price) \
    "{\"sku\":\"a\",\"quantity\":" quantity ",\"unit_price_minor\":" price "}"

static const struct {
    parse_fn parse;
    const char *body;
    const char *pointers; /* of all faults, in order, each followed by a blank */
} faulty[] = {
    {order_place_parse, "{}", "/customer_id /currency /items "},
    {order_place_parse, "[]", " "},
    {order_place_parse, PLACE(""), "/items "},
    {order_place_parse, PLACE(ITEM("0", "1")), "/items/0/quantity "},
    {order_place_parse, PLACE(ITEM("-1", "1")), "/items/0/quantity "},
    {order_place_parse, PLACE(ITEM("1000001", "1")), "/items/0/quantity "},
    {order_place_parse, PLACE(ITEM("1.0", "1")), "/items/0/quantity "},
    {order_place_parse, PLACE(ITEM("\"1\"", "1")), "/items/0/quantity "},
    {order_place_parse, PLACE(ITEM("null", "1")), "/items/0/quantity "},
    {order_place_parse, PLACE(ITEM("1", "-1")), "/items/0/unit_price_minor "},
    {order_place_parse, PLACE(ITEM("1", "9007199254740992")), "/items/0/unit_price_minor "},
    {order_place_parse, PLACE(ITEM("1", "1e2")), "/items/0/unit_price_minor "},
    {order_place_parse, PLACE(ITEM("2", "9007199254740991")), "/items/0 "},
    {order_place_parse, PLACE(ITEM("1", "9007199254740991") "," ITEM("1", "1")), "/items/1 "},
    {order_place_parse, PLACE("7,{\"sku\":\"\\u0020\"}"),
     "/items/0 /items/1/sku /items/1/quantity /items/1/unit_price_minor "},
    {order_place_parse,
     "{\"customer_id\":\"c c\",\"currency\":\"eur\",\"items\":[" ITEM("1", "1") "],\"version\":1}",
     "/customer_id /currency /version "},
    {order_place_parse,
     "{\"customer_id\":\"c\",\"currency\":\"EUR\",\"place\":\"yes\",\"items\":[" ITEM("1",
                                                                                      "1") "]}",
     "/place "},
    {order_add_line_parse, "{\"sku\":\"a\",\"quantity\":1}", "/unit_price_minor "},
    {order_change_line_parse, "{\"line\":1,\"quantity\":1000001}", "/quantity "},
    {order_remove_line_parse, "{\"line\":1,\"quantity\":1}", "/quantity "},
    {order_pay_parse, "{\"amount_minor\":12.5}", "/amount_minor "},
    {order_pay_parse, "{\"amount\":12}", "/amount_minor /amount "},
    {order_ship_parse, "{\"lines\":[]}", "/lines "},
    {order_ship_parse, "{\"lines\":[{\"line\":1,\"quantity\":1},{\"line\":1,\"quantity\":1}]}",
     "/lines/1/line "},
    {order_ship_parse, "{\"lines\":[{\"line\":0}]}", "/lines/0/line /lines/0/quantity "},
    {order_reason_parse, "{\"reason\":7}", "/reason "},
    {order_reason_parse, "{\"amount_minor\":7}", "/amount_minor "},
    {order_refund_parse, "{}", "/amount_minor "},
    {order_refund_parse, "{\"amount_minor\":-1}", "/amount_minor "},
    {order_refund_parse, "{\"amount_minor\":9007199254740992}", "/amount_minor "},
    {order_refund_parse, "{\"amount_minor\":\"5\",\"reason\":null,\"currency\":\"EUR\"}",
     "/amount_minor /reason /currency "},
    {order_empty_parse, "{\"at\":1}", "/at "},
};

/* "/a /b " of what faults_write made. */
static void write_pointers(const struct faults *faults, struct buf *out)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(1 << 16);
    SCOPED(json_decref) json_t *array = NULL;
    struct error err;
    size_t index;
    json_t *fault;

    faults_write(faults, &text);
    ck_assert(json_parse_stored(buf_str(&text), &array, &err));
    json_array_foreach(array, index, fault)
        buf_printf(out, "%s ", json_string_value(json_object_get(fault, "pointer")));
    buf_add_char(out, '\0');
}

START_TEST(all_faults_of_a_body_are_told_by_their_pointers)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf pointers = BUF_INIT(4096);
    SCOPED(json_decref) json_t *body = NULL;
    struct faults *faults = faults_new(arena);
    struct error err;
    void *payload;

    ck_assert(json_parse_stored(str_of(faulty[_i].body), &body, &err));
    ck_assert(!faulty[_i].parse(body, arena, faults, &payload));
    write_pointers(faults, &pointers);
    ck_assert_str_eq(pointers.data, faulty[_i].pointers);
}
END_TEST

static const struct order_place *parse_place(const char *text, struct arena *arena)
{
    SCOPED(json_decref) json_t *body = NULL;
    struct faults *faults = faults_new(arena);
    struct error err;
    void *payload;

    ck_assert(json_parse_stored(str_of(text), &body, &err));
    ck_assert(order_place_parse(body, arena, faults, &payload));
    return payload;
}

START_TEST(a_placed_order_numbers_and_sums_its_lines)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    const struct order_place *place =
        parse_place(PLACE(ITEM("2", "150") "," ITEM("3", "0")), arena);

    ck_assert(place->place);
    ck_assert_uint_eq(place->lines_count, 2);
    ck_assert_int_eq(place->lines[0].line, 1);
    ck_assert_int_eq(place->lines[1].line, 2);
    ck_assert_int_eq(place->items, 5);
    ck_assert_int_eq(place->total_minor, 300);
}
END_TEST

START_TEST(a_draft_may_begin_without_lines)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    const struct order_place *place = parse_place(
        "{\"customer_id\":\"c\",\"currency\":\"EUR\",\"items\":[],\"place\":false}", arena);

    ck_assert(!place->place);
    ck_assert_uint_eq(place->lines_count, 0);
    ck_assert_int_eq(place->total_minor, 0);
}
END_TEST

START_TEST(the_largest_total_is_legal)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    const struct order_place *place = parse_place(PLACE(ITEM("1", "9007199254740991")), arena);

    ck_assert_int_eq(place->total_minor, ORDER_MINOR_MAX);
}
END_TEST

Suite *orders_order_parse_suite(void)
{
    Suite *suite = suite_create("orders_order_parse");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, all_faults_of_a_body_are_told_by_their_pointers, 0,
                        sizeof faulty / sizeof *faulty);
    tcase_add_test(tests, a_placed_order_numbers_and_sums_its_lines);
    tcase_add_test(tests, a_draft_may_begin_without_lines);
    tcase_add_test(tests, the_largest_total_is_legal);
    suite_add_tcase(suite, tests);
    return suite;
}
