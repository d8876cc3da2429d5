/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problem.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "tests/support/expect.h"

#include <check.h>
#include <ctype.h>
#include <string.h>

START_TEST(slugs_are_unique_and_plain)
{
    for (const struct problem_type *type = problem_types; type->slug != NULL; type++) {
        for (const char *at = type->slug; *at != '\0'; at++)
            ck_assert(islower((unsigned char)*at) || *at == '-');
        ck_assert_ptr_eq(problem_type_get(type->slug), type); /* else another came first */
        ck_assert_int_ge(type->status, 400);
        ck_assert_int_le(type->status, 599);
        ck_assert_uint_gt(strlen(type->title), 0);
    }
}
END_TEST

/* Of product.md: what a client may rely on. */
static const struct {
    const char *slug;
    int status;
    bool retryable;
} contract[] = {
    {"malformed-json", 400, false},
    {"bad-request", 400, false},
    {"unauthenticated", 401, false},
    {"forbidden", 403, false},
    {"reserved-category", 403, false},
    {"not-found", 404, false},
    {"method-not-allowed", 405, false},
    {"not-acceptable", 406, false},
    {"already-exists", 409, false},
    {"order-state", 409, false},
    {"payment-mismatch", 409, false},
    {"insufficient-stock", 409, false},
    {"condition-failed", 409, false},
    {"stream-unreadable", 409, false},
    {"idempotency-in-progress", 409, true},
    {"version-conflict", 412, false},
    {"payload-too-large", 413, false},
    {"unsupported-media-type", 415, false},
    {"validation-failed", 422, false},
    {"json-limits", 422, false},
    {"not-storable", 422, false},
    {"idempotency-key-reused", 422, false},
    {"projection-parked", 424, false},
    {"rate-limited", 429, true},
    {"internal-error", 500, false},
    {"read-not-current", 503, true},
    {"overloaded", 503, true},
    {"dependency-down", 503, true},
    {"outcome-unknown", 503, true},
};

START_TEST(a_slug_has_the_status_of_the_contract)
{
    const struct problem_type *type = problem_type_get(contract[_i].slug);

    ck_assert_str_eq(type->slug, contract[_i].slug);
    ck_assert_int_eq(type->status, contract[_i].status);
    ck_assert_int_eq(type->retryable, contract[_i].retryable);
}
END_TEST

START_TEST(an_unknown_slug_is_a_bug_of_ours)
{
    ck_assert_str_eq(problem_type_get("no-such-slug")->slug, "internal-error");
}
END_TEST

START_TEST(a_problem_is_one_object_with_faults_and_members)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(4096);
    struct faults *faults = faults_new(arena);

    faults_add(faults, "is \"missing\"", "/%s", "items");
    problem_write(&out, problem_type_get("validation-failed"), STR("1 \"fault\""), STR("/v1/x?a=b"),
                  faults, STR("\"more\":[1]"));
    EXPECT_STR(buf_str(&out),
               "{\"type\":\"/docs/errors/validation-failed\","
               "\"title\":\"The request does not fit its schema\",\"status\":422,"
               "\"detail\":\"1 \\\"fault\\\"\",\"instance\":\"/v1/x?a=b\",\"retryable\":false,"
               "\"errors\":[{\"pointer\":\"/items\",\"message\":\"is \\\"missing\\\"\"}],"
               "\"more\":[1]}");
}
END_TEST

START_TEST(without_faults_and_members_there_are_none)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(4096);

    problem_write(&out, problem_type_get("not-found"), STR("d"), STR("/"), NULL, STR_NONE);
    EXPECT_STR(buf_str(&out), "{\"type\":\"/docs/errors/not-found\",\"title\":\"Not found\","
                              "\"status\":404,\"detail\":\"d\",\"instance\":\"/\","
                              "\"retryable\":false}");
}
END_TEST

Suite *api_problem_suite(void);
Suite *api_problem_suite(void)
{
    Suite *suite = suite_create("api_problem");
    TCase *tc = tcase_create("problem");

    tcase_add_test(tc, slugs_are_unique_and_plain);
    tcase_add_loop_test(tc, a_slug_has_the_status_of_the_contract, 0, COUNT_OF(contract));
    tcase_add_test(tc, an_unknown_slug_is_a_bug_of_ours);
    tcase_add_test(tc, a_problem_is_one_object_with_faults_and_members);
    tcase_add_test(tc, without_faults_and_members_there_are_none);
    suite_add_tcase(suite, tc);
    return suite;
}
