/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/chunk.h"

#include "base/buf.h"
#include "tests/support/expect.h"

#include <check.h>

enum { EVENTS = 10 };

static struct event events[EVENTS];
static size_t text_bytes;

static void setup(void)
{
    for (int i = 0; i < EVENTS; i++)
        events[i] = (struct event){.position = {101 + 2 * i},
                                   .version = {i + 1},
                                   .id = STR("id"),
                                   .type = STR("Type"),
                                   .tenant = STR("main"),
                                   .stream = STR("note-a-b"),
                                   .data = STR("{}"),
                                   .origin = {.correlation_id = i == 0 ? STR("c") : STR_NONE}};
}

static void render(void *arg, const struct event *event, struct buf *out)
{
    ck_assert_ptr_eq(arg, events);
    buf_add_i64(out, event->position.n);
    for (size_t i = 0; i < text_bytes; i++)
        buf_add_char(out, 'x');
}

static struct chunk_source source_of(size_t count)
{
    return (struct chunk_source){.events = events, .count = count, .after = {100}, .to = {150}};
}

START_TEST(a_chunk_has_its_own_copy_of_all_it_tells)
{
    struct chunk_source source = source_of(EVENTS);
    struct chunk *chunk;

    text_bytes = 0;
    chunk = chunk_new(&source, render, events);
    ck_assert_uint_eq(source.count, 0);
    memset(events, 0x55, sizeof events);
    ck_assert_int_eq(chunk->after.n, 100);
    ck_assert_int_eq(chunk->to.n, 150);
    ck_assert_uint_eq(chunk->count, EVENTS);
    ck_assert(str_equal(chunk->events[0].stream, STR("note-a-b")));
    ck_assert(str_equal(chunk->events[0].category, STR("note")));
    ck_assert(str_equal(chunk->events[0].tenant, STR("main")));
    ck_assert(str_equal(chunk->events[0].type, STR("Type")));
    ck_assert(str_equal(chunk->events[0].correlation_id, STR("c")));
    ck_assert_ptr_null(chunk->events[1].correlation_id.data);
    ck_assert(str_equal(chunk->events[9].text, STR("119")));
    ck_assert_int_eq(chunk->events[9].version.n, 10);
    chunk_unref(chunk);
}
END_TEST

START_TEST(what_is_too_much_for_one_goes_into_the_next)
{
    struct chunk_source source = source_of(EVENTS);
    int64_t after = 100;
    size_t count = 0;

    text_bytes = CHUNK_BYTES / 3;
    while (source.count > 0) {
        struct chunk *chunk = chunk_new(&source, render, events);

        ck_assert_int_eq(chunk->after.n, after);
        ck_assert_uint_le(chunk->count, 3);
#ifndef DAYBOOK_SANITIZED /* there each string has a red zone */
        ck_assert_uint_le(chunk->bytes, CHUNK_BYTES + CHUNK_BYTES / 3 + 2048);
#endif
        after = chunk->to.n;
        count += chunk->count;
        ck_assert_int_eq(after,
                         source.count > 0 ? chunk->events[chunk->count - 1].position.n : 150);
        chunk_unref(chunk);
    }
    ck_assert_uint_eq(count, EVENTS);
}
END_TEST

START_TEST(one_event_that_is_larger_than_a_chunk_is_one)
{
    struct chunk_source source = source_of(2);
    struct chunk *chunk;

    text_bytes = 4 * CHUNK_BYTES;
    chunk = chunk_new(&source, render, events);
    ck_assert_uint_eq(chunk->count, 1);
    ck_assert_int_eq(chunk->to.n, 101);
    chunk_unref(chunk);
}
END_TEST

START_TEST(nothing_found_still_says_how_far_was_looked)
{
    struct chunk_source source = source_of(0);
    struct chunk *chunk = chunk_new(&source, render, events);

    ck_assert_uint_eq(chunk->count, 0);
    ck_assert_int_eq(chunk->to.n, 150);
    chunk_unref(chunk_ref(chunk));
    chunk_unref(chunk);
}
END_TEST

Suite *eventlog_chunk_suite(void);
Suite *eventlog_chunk_suite(void)
{
    Suite *suite = suite_create("eventlog_chunk");
    TCase *tc = tcase_create("chunk");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, a_chunk_has_its_own_copy_of_all_it_tells);
    tcase_add_test(tc, what_is_too_much_for_one_goes_into_the_next);
    tcase_add_test(tc, one_event_that_is_larger_than_a_chunk_is_one);
    tcase_add_test(tc, nothing_found_still_says_how_far_was_looked);
    suite_add_tcase(suite, tc);
    return suite;
}
