/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "eventlog/cache_internal.h"
#include "tests/support/accounts.h"

#include <check.h>
#include <stdio.h>

Suite *eventlog_cache_suite(void);

static struct stream_base *take(struct cache *cache, const char *tenant, const char *name)
{
    return cache_take(cache, stream_hash(str_of(tenant), str_of(name)), str_of(tenant),
                      str_of(name));
}

static struct stream_base *stream(const char *tenant, const char *name, int64_t id)
{
    struct stream_base *base =
        stream_base_new(stream_hash(str_of(tenant), str_of(name)), str_of(tenant), str_of(name),
                        accounts_domain.aggregates[0]);

    base->id = id;
    base->version = VERSION(1);
    base->state = base->type->state_new();
    base->folded = VERSION(1);
    return base;
}

START_TEST(what_is_taken_is_not_there_any_more)
{
    struct cache cache;
    struct stream_base *base;

    cache_init(&cache, 10000);
    cache_put(&cache, stream("main", "account-1", 7));
    base = take(&cache, "main", "account-1");
    ck_assert_ptr_nonnull(base);
    ck_assert_int_eq(base->id, 7);
    ck_assert_ptr_null(take(&cache, "main", "account-1"));
    ck_assert_uint_eq(cache.bytes, 0);
    cache_put(&cache, base);
    ck_assert_uint_gt(cache.bytes, 0);
    cache_release(&cache);
}
END_TEST

START_TEST(tenant_and_name_both_tell)
{
    struct cache cache;
    struct stream_base *base;

    cache_init(&cache, 10000);
    cache_put(&cache, stream("main", "account-1", 1));
    cache_put(&cache, stream("shop", "account-1", 2));
    ck_assert_ptr_null(take(&cache, "mainaccount", "-1"));
    base = take(&cache, "shop", "account-1");
    ck_assert_int_eq(base->id, 2);
    stream_base_free(base);
    cache_release(&cache);
}
END_TEST

START_TEST(the_least_recently_used_goes_first)
{
    struct cache cache;
    struct stream_base *base;
    size_t bytes;
    char name[32];

    cache_init(&cache, SIZE_MAX);
    cache_put(&cache, stream("main", "account-0", 1));
    bytes = cache.bytes;
    cache.bytes_max = 4 * bytes;
    for (int i = 1; i < 4; i++) {
        snprintf(name, sizeof(name), "account-%d", i);
        cache_put(&cache, stream("main", name, i + 1));
    }
    cache_put(&cache, take(&cache, "main", "account-0"));
    cache_put(&cache, stream("main", "account-4", 5));
    ck_assert_uint_le(cache.bytes, cache.bytes_max);
    ck_assert_ptr_null(take(&cache, "main", "account-1"));
    base = take(&cache, "main", "account-0");
    ck_assert_ptr_nonnull(base);
    stream_base_free(base);
    cache_release(&cache);
}
END_TEST

START_TEST(what_alone_is_too_large_is_not_kept)
{
    struct cache cache;

    cache_init(&cache, 10);
    cache_put(&cache, stream("main", "account-1", 1));
    ck_assert_uint_eq(cache.bytes, 0);
    ck_assert_ptr_null(take(&cache, "main", "account-1"));
    cache_release(&cache);
}
END_TEST

Suite *eventlog_cache_suite(void)
{
    Suite *suite = suite_create("eventlog_cache");
    TCase *tc = tcase_create("cache");

    tcase_add_test(tc, what_is_taken_is_not_there_any_more);
    tcase_add_test(tc, tenant_and_name_both_tell);
    tcase_add_test(tc, the_least_recently_used_goes_first);
    tcase_add_test(tc, what_alone_is_too_large_is_not_kept);
    suite_add_tcase(suite, tc);
    return suite;
}
