/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <check.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "tests/support/expect.h"

Suite *base_uuid_suite(void);

static uint64_t milliseconds(struct uuid uuid)
{
    uint64_t ms = 0;

    for (int i = 0; i < 6; i++)
        ms = ms << 8 | uuid.bytes[i];
    return ms;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

START_TEST(version_and_variant_are_set)
{
    for (int i = 0; i < 1000; i++) {
        struct uuid uuid = uuid_v7();

        ck_assert_uint_eq(uuid.bytes[6] >> 4, 7);
        ck_assert_uint_eq(uuid.bytes[8] >> 6, 2);
    }
}
END_TEST

START_TEST(it_begins_with_the_time)
{
    uint64_t before = (uint64_t)clock_wall_us() / 1000;
    struct uuid uuid = uuid_v7();
    uint64_t after = (uint64_t)clock_wall_us() / 1000;

    ck_assert_uint_ge(milliseconds(uuid), before);
    ck_assert_uint_le(milliseconds(uuid), after + 1);
}
END_TEST

/* 200,000 in a row are far more than the 4,096 counter values of one millisecond. */
START_TEST(ids_of_a_thread_rise)
{
    struct uuid last = uuid_v7();

    for (int i = 0; i < 200000; i++) {
        struct uuid next = uuid_v7();

        if (by_bytes(&last, &next) >= 0)
            ck_abort_msg("id %d does not rise", i);
        last = next;
    }
    /* The time that was borrowed when counters ran out stays small. */
    ck_assert_uint_le(milliseconds(last), (uint64_t)clock_wall_us() / 1000 + 200);
}
END_TEST

/* No counter has more than 4,096 values: 20,000 ids of one millisecond borrow from the next ones.
 */
START_TEST(ids_rise_while_the_clock_stands)
{
    uint64_t now = milliseconds(uuid_v7()) + 1000;
    struct uuid last = uuid_v7_at(now);

    ck_assert_uint_eq(milliseconds(last), now);
    for (int i = 0; i < 20000; i++) {
        struct uuid next = uuid_v7_at(now);

        if (by_bytes(&last, &next) >= 0)
            ck_abort_msg("id %d does not rise", i);
        last = next;
    }
    ck_assert_uint_eq(last.bytes[6] >> 4, 7);
    ck_assert_uint_gt(milliseconds(last), now);
    ck_assert_uint_le(milliseconds(last), now + 20000 / 2048 + 1);
}
END_TEST

START_TEST(ids_rise_while_the_clock_runs_backwards)
{
    uint64_t now = milliseconds(uuid_v7()) + 1000;
    struct uuid last = uuid_v7_at(now);

    for (uint64_t back = 1; back < 1000; back++) {
        struct uuid next = uuid_v7_at(now - back);

        ck_assert_int_lt(by_bytes(&last, &next), 0);
        last = next;
    }
    ck_assert_uint_eq(milliseconds(uuid_v7_at(now + 50)), now + 50);
}
END_TEST

enum { THREADS = 4, IDS = 20000 };

static void make_ids(void *arg)
{
    struct uuid *ids = arg;

    for (int i = 0; i < IDS; i++)
        ids[i] = uuid_v7();
}

START_TEST(ids_of_several_threads_differ)
{
    struct uuid *ids = malloc(sizeof(*ids) * THREADS * IDS);
    struct thread *threads[THREADS];
    struct error err;

    for (int i = 0; i < THREADS; i++)
        ck_assert(thread_start(THREAD_HTTP, "ids", make_ids, ids + i * IDS, &threads[i], &err));
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    qsort(ids, THREADS * IDS, sizeof(*ids), by_bytes);
    for (int i = 1; i < THREADS * IDS; i++) {
        if (by_bytes(&ids[i - 1], &ids[i]) == 0)
            ck_abort_msg("an id was made twice");
    }
    free(ids);
}
END_TEST

/* The random bytes kept ahead must not be used by parent and child. */
START_TEST(a_child_does_not_repeat_its_parents_ids)
{
    struct uuid ours;
    struct uuid theirs;
    int ends[2];
    int status;
    pid_t child;

    uuid_v7();
    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        theirs = uuid_v7();
        _exit(write(ends[1], &theirs, sizeof(theirs)) == sizeof(theirs) ? 0 : 1);
    }
    ours = uuid_v7();
    ck_assert_int_eq(read(ends[0], &theirs, sizeof(theirs)), (ssize_t)sizeof(theirs));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    close(ends[0]);
    close(ends[1]);
    /* The last eight bytes are random: the first may well agree. */
    ck_assert_mem_ne(ours.bytes + 8, theirs.bytes + 8, 8);
}
END_TEST

START_TEST(format_writes_the_usual_groups)
{
    struct uuid uuid = {{0x01, 0x98, 0xf3, 0xAB, 0xcd, 0xef, 0x70, 0x01, 0x80, 0x0f, 0xff, 0x00,
                         0x10, 0x20, 0x30, 0x4a}};
    char text[UUID_TEXT_LEN + 1];

    uuid_format(uuid, text);
    ck_assert_str_eq(text, "0198f3ab-cdef-7001-800f-ff001020304a");
}
END_TEST

START_TEST(what_was_written_is_read)
{
    for (int i = 0; i < 100; i++) {
        struct uuid uuid = uuid_v7();
        struct uuid back = {{0}};
        char text[UUID_TEXT_LEN + 1];

        uuid_format(uuid, text);
        ck_assert(uuid_parse(str_of(text), &back));
        ck_assert_mem_eq(&uuid, &back, sizeof(uuid));
    }
}
END_TEST

START_TEST(capital_letters_are_read)
{
    struct uuid lower;
    struct uuid upper;

    ck_assert(uuid_parse(STR("0198f3ab-cdef-7001-800f-ff001020304a"), &lower));
    ck_assert(uuid_parse(STR("0198F3AB-CDEF-7001-800F-FF001020304A"), &upper));
    ck_assert_mem_eq(&lower, &upper, sizeof(lower));
}
END_TEST

static const char *const refused[] = {
    "",
    "0198f3ab",
    "0198f3ab-cdef-7001-800f-ff001020304",
    "0198f3ab-cdef-7001-800f-ff001020304aa",
    "0198f3abcdef7001800fff001020304a",
    "{0198f3ab-cdef-7001-800f-ff001020304a}",
    "0198f3ab-cdef-7001-800f-ff001020304g",
    "0198f3ab-cdef-7001-800fxff001020304a",
    "0198f3ab-cdef-7001x800f-ff001020304a",
    "0198f3abxcdef-7001-800f-ff001020304a",
    "0198f3a--cdef-7001-800f-ff001020304a",
    "0198f3ab-cdef-7001-800f-ff00102030 a",
    "-198f3ab-cdef-7001-800f-ff001020304a",
};

START_TEST(anything_else_is_refused)
{
    struct uuid uuid = {{42}};

    ck_assert(!uuid_parse(str_of(refused[_i]), &uuid));
    ck_assert_uint_eq(uuid.bytes[0], 42);
}
END_TEST

START_TEST(random_bytes_fill_all_and_only_what_was_asked)
{
    static const size_t sizes[] = {0, 1, 7, 256, 257, 100000};

    for (int i = 0; i < COUNT_OF(sizes); i++) {
        unsigned char *bytes = calloc(1, sizes[i] + 1);

        random_bytes(bytes, sizes[i]);
        ck_assert_uint_eq(bytes[sizes[i]], 0);
        if (sizes[i] >= 256) { /* 16 zeros at the end have a chance of 2^-128 */
            static const unsigned char zeros[16];

            ck_assert_mem_ne(bytes + sizes[i] - 16, zeros, 16);
        }
        free(bytes);
    }
}
END_TEST

/* Across several refills of what is kept ahead. */
START_TEST(random_numbers_do_not_repeat)
{
    uint64_t numbers[200];

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        numbers[i] = random_u64();
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(numbers[i], numbers[j]);
    }
}
END_TEST

Suite *base_uuid_suite(void)
{
    Suite *suite = suite_create("base_uuid");
    TCase *tc = tcase_create("uuid");

    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, version_and_variant_are_set);
    tcase_add_test(tc, it_begins_with_the_time);
    tcase_add_test(tc, ids_of_a_thread_rise);
    tcase_add_test(tc, ids_rise_while_the_clock_stands);
    tcase_add_test(tc, ids_rise_while_the_clock_runs_backwards);
    tcase_add_test(tc, ids_of_several_threads_differ);
    tcase_add_test(tc, a_child_does_not_repeat_its_parents_ids);
    tcase_add_test(tc, format_writes_the_usual_groups);
    tcase_add_test(tc, what_was_written_is_read);
    tcase_add_test(tc, capital_letters_are_read);
    tcase_add_loop_test(tc, anything_else_is_refused, 0, COUNT_OF(refused));
    tcase_add_test(tc, random_bytes_fill_all_and_only_what_was_asked);
    tcase_add_test(tc, random_numbers_do_not_repeat);
    suite_add_tcase(suite, tc);
    return suite;
}
