/* SPDX-License-Identifier: Apache-2.0 */
#include "api/router.h"

#include "base/arena.h"
#include "tests/support/expect.h"

#include <check.h>

static struct router *router;
static struct arena *arena;

static void add(enum http_method method, const char *pattern)
{
    router_add(router, &(struct route){.method = method, .pattern = pattern});
}

static void setup(void)
{
    router = router_new();
    arena = arena_new(0);
    add(HTTP_GET, "/livez");
    add(HTTP_GET, "/v1/orders/{id}");
    add(HTTP_GET, "/v1/orders/special");
    add(HTTP_POST, "/v1/orders");
    add(HTTP_GET, "/v1/orders");
    add(HTTP_PATCH, "/v1/orders/{id}/lines/{line}");
    add(HTTP_DELETE, "/v1/orders/{id}/lines/{line}");
    add(HTTP_POST, "/v1/orders/{id}/pay");
}

static void teardown(void)
{
    router_free(router);
    arena_free(arena);
}

static struct path_match match(enum http_method method, const char *path)
{
    struct path_match found;

    ck_assert(router_match(router, method, str_of(path), arena, &found));
    return found;
}

static const struct {
    enum http_method method;
    const char *path;
    const char *pattern; /* NULL: none for this method */
} rows[] = {
    {HTTP_GET, "/livez", "/livez"},
    {HTTP_HEAD, "/livez", "/livez"},
    {HTTP_POST, "/livez", NULL},
    {HTTP_GET, "/v1/orders", "/v1/orders"},
    {HTTP_GET, "/v1/orders/o1", "/v1/orders/{id}"},
    {HTTP_GET, "/v1/orders/special", "/v1/orders/special"},
    {HTTP_GET, "/v1/orders/specials", "/v1/orders/{id}"},
    {HTTP_PATCH, "/v1/orders/o1/lines/2", "/v1/orders/{id}/lines/{line}"},
    {HTTP_POST, "/v1/orders/o1/pay", "/v1/orders/{id}/pay"},
    {HTTP_GET, "/v1/orders/o1/pay", NULL},
    {HTTP_GET, "/v1%2Forders", NULL},
    {HTTP_GET, "/v1/orders/", NULL},
    {HTTP_GET, "//livez", NULL},
    {HTTP_GET, "/livez/", NULL},
    {HTTP_GET, "/", NULL},
    {HTTP_GET, "", NULL},
    {HTTP_GET, "*", NULL},
    {HTTP_GET, "/a/b/c/d/e/f/g/h/i", NULL},
};

START_TEST(a_path_and_method_mean_one_route)
{
    struct path_match found = match(rows[_i].method, rows[_i].path);

    if (rows[_i].pattern == NULL) {
        ck_assert_ptr_null(found.route);
    } else {
        ck_assert_ptr_nonnull(found.route);
        ck_assert_str_eq(found.route->pattern, rows[_i].pattern);
    }
}
END_TEST

START_TEST(a_literal_wins_whatever_was_added_first)
{
    add(HTTP_GET, "/v1/{any}/late");
    add(HTTP_GET, "/v1/orders/late");
    ck_assert_str_eq(match(HTTP_GET, "/v1/orders/late").route->pattern, "/v1/orders/late");
    ck_assert_str_eq(match(HTTP_GET, "/v1/stock/late").route->pattern, "/v1/{any}/late");
}
END_TEST

START_TEST(parameters_are_decoded_segment_by_segment)
{
    struct path_match found = match(HTTP_PATCH, "/v1/orders/a%2Fb%20c/lines/%37");

    ck_assert_uint_eq(found.count, 2);
    EXPECT_STR(found.parameters[0].name, "id");
    EXPECT_STR(found.parameters[0].value, "a/b c");
    EXPECT_STR(found.parameters[1].name, "line");
    EXPECT_STR(found.parameters[1].value, "7");
}
END_TEST

START_TEST(the_methods_of_a_path_are_known)
{
    ck_assert_uint_eq(match(HTTP_PUT, "/v1/orders").methods, 1u << HTTP_GET | 1u << HTTP_POST);
    ck_assert_uint_eq(match(HTTP_PUT, "/v1/orders/o1/lines/1").methods,
                      1u << HTTP_PATCH | 1u << HTTP_DELETE);
    ck_assert_uint_eq(match(HTTP_GET, "/v1/nothing").methods, 0);
}
END_TEST

static const char *const undecodable[] = {"/v1/orders/%zz", "/v1/orders/%", "/v1/orders/%00",
                                          "/v1/orders/%ff", "/v1/orders/%c0%80"};

START_TEST(what_can_not_be_decoded_is_told)
{
    struct path_match found;

    ck_assert(!router_match(router, HTTP_GET, str_of(undecodable[_i]), arena, &found));
}
END_TEST

Suite *api_router_suite(void);
Suite *api_router_suite(void)
{
    Suite *suite = suite_create("api_router");
    TCase *tc = tcase_create("router");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_path_and_method_mean_one_route, 0, COUNT_OF(rows));
    tcase_add_test(tc, a_literal_wins_whatever_was_added_first);
    tcase_add_test(tc, parameters_are_decoded_segment_by_segment);
    tcase_add_test(tc, the_methods_of_a_path_are_known);
    tcase_add_loop_test(tc, what_can_not_be_decoded_is_told, 0, COUNT_OF(undecodable));
    suite_add_tcase(suite, tc);
    return suite;
}
