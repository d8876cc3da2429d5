/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "tests/support/death.h"
#include "tests/support/expect.h"

Suite *base_error_suite(void);

/* N times C. */
static const char *repeat(char out[2048], char c, size_t n)
{
    memset(out, c, n);
    out[n] = '\0';
    return out;
}

START_TEST(set_fills_everything_and_returns_false)
{
    struct error err = {0};
    int line = __LINE__ + 1;
    bool ok = error_set(&err, ERROR_REFUSED, "order-state", "order '%s' is %d", "o-1", 7);

    ck_assert(!ok);
    ck_assert_int_eq(err.class, ERROR_REFUSED);
    ck_assert_str_eq(err.code, "order-state");
    ck_assert_str_eq(err.text, "order 'o-1' is 7");
    ck_assert_str_eq(err.sqlstate, "");
    ck_assert_str_eq(err.hint, "");
    ck_assert_str_eq(err.file, __FILE__);
    ck_assert_int_eq(err.line, line);
    ck_assert(!err.outcome_unknown);
}
END_TEST

START_TEST(set_clears_what_an_earlier_error_left)
{
    struct error err = {0};

    error_set(&err, ERROR_TRANSIENT, "dependency-down", "first");
    error_hint(&err, "Try again.");
    err.outcome_unknown = true;
    memcpy(err.sqlstate, "40001", 6);

    error_set(&err, ERROR_FATAL, "", "second");

    ck_assert_int_eq(err.class, ERROR_FATAL);
    ck_assert_str_eq(err.code, "");
    ck_assert_str_eq(err.hint, "");
    ck_assert_str_eq(err.sqlstate, "");
    ck_assert(!err.outcome_unknown);
}
END_TEST

START_TEST(set_takes_no_code_as_an_empty_one)
{
    struct error err = {0};

    error_set(&err, ERROR_FATAL, NULL, "x");
    ck_assert_str_eq(err.code, "");
}
END_TEST

START_TEST(arguments_may_point_into_the_error_itself)
{
    struct error err = {0};

    error_set(&err, ERROR_POISON, "old-code", "inner");
    error_set(&err, ERROR_FATAL, err.code, "was: %s (%s)", err.text, err.code);
    ck_assert_str_eq(err.text, "was: inner (old-code)");
    ck_assert_str_eq(err.code, "old-code");

    error_wrap(&err, "again %s", err.text);
    ck_assert_str_eq(err.text, "again was: inner (old-code): was: inner (old-code)");

    error_hint(&err, "Look at %s.", err.code);
    error_hint(&err, "%s Twice.", err.hint);
    ck_assert_str_eq(err.hint, "Look at old-code. Twice.");
}
END_TEST

START_TEST(wrap_puts_the_context_first_and_keeps_the_verdict)
{
    struct error err = {0};
    int line = __LINE__ + 1;
    error_set(&err, ERROR_FENCED, "lost", "lease is gone");
    error_hint(&err, "Wait.");
    err.outcome_unknown = true;

    ck_assert(!error_wrap(&err, "append to '%s'", "order-1"));
    ck_assert(!error_wrap(&err, "batch %d", 3));

    ck_assert_str_eq(err.text, "batch 3: append to 'order-1': lease is gone");
    ck_assert_int_eq(err.class, ERROR_FENCED);
    ck_assert_str_eq(err.code, "lost");
    ck_assert_str_eq(err.hint, "Wait.");
    ck_assert(err.outcome_unknown);
    ck_assert_int_eq(err.line, line);
}
END_TEST

START_TEST(a_text_that_fits_exactly_is_not_cut)
{
    struct error err = {0};
    char long_text[2048];

    error_set(&err, ERROR_FATAL, "", "%s", repeat(long_text, 'x', ERROR_TEXT_MAX - 1));
    ck_assert_uint_eq(strlen(err.text), ERROR_TEXT_MAX - 1);
    ck_assert_str_eq(err.text, long_text);
}
END_TEST

START_TEST(whatever_is_too_long_is_cut_and_terminated)
{
    struct error err = {0};
    char long_text[2048];

    repeat(long_text, 'x', sizeof(long_text) - 1);
    error_set(&err, ERROR_FATAL, long_text, "%s", long_text);
    error_hint(&err, "%s", long_text);
    ck_assert_uint_eq(strlen(err.code), ERROR_CODE_MAX - 1);
    ck_assert_uint_eq(strlen(err.text), ERROR_TEXT_MAX - 1);
    ck_assert_uint_eq(strlen(err.hint), ERROR_HINT_MAX - 1);
}
END_TEST

START_TEST(a_long_inner_text_is_cut_behind_the_context)
{
    struct error err = {0};
    char long_text[2048];

    error_set(&err, ERROR_FATAL, "", "%s", repeat(long_text, 'i', 600));
    error_wrap(&err, "context");
    ck_assert_uint_eq(strlen(err.text), ERROR_TEXT_MAX - 1);
    ck_assert(str_starts_with(str_of(err.text), STR("context: iii")));
}
END_TEST

START_TEST(a_context_longer_than_the_text_leaves_only_itself)
{
    struct error err = {0};
    char long_text[2048];

    error_set(&err, ERROR_FATAL, "", "inner");
    error_wrap(&err, "%s", repeat(long_text, 'c', 2000));
    ck_assert_uint_eq(strlen(err.text), ERROR_TEXT_MAX - 1);
    ck_assert_uint_eq(strspn(err.text, "c"), ERROR_TEXT_MAX - 1);
}
END_TEST

/* At each of these lengths the cut falls on another byte of a 2, 3 or 4 byte character. */
START_TEST(a_cut_never_splits_a_character)
{
    static const char *const characters[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    const char *character = characters[_i % 3];
    char text[ERROR_TEXT_MAX + 16];
    size_t len = (size_t)(_i / 3);
    struct error err = {0};

    memset(text, 'x', len);
    while (len + strlen(character) < sizeof(text)) {
        memcpy(text + len, character, strlen(character));
        len += strlen(character);
    }
    text[len] = '\0';

    error_set(&err, ERROR_FATAL, "", "%s", text);
    ck_assert(str_is_utf8(str_of(err.text), NULL));
    ck_assert_uint_ge(strlen(err.text), ERROR_TEXT_MAX - 4);

    error_wrap(&err, "%s", text);
    ck_assert(str_is_utf8(str_of(err.text), NULL));

    error_hint(&err, "%s", text);
    ck_assert(str_is_utf8(str_of(err.hint), NULL));
    ck_assert_uint_ge(strlen(err.hint), ERROR_HINT_MAX - 4);
}
END_TEST

START_TEST(bytes_that_are_no_utf8_are_cut_without_reading_before_the_text)
{
    char text[ERROR_TEXT_MAX + 16];
    struct error err = {0};

    memset(text, 0x80, sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    error_set(&err, ERROR_FATAL, "", "%s", text);
    ck_assert_str_eq(err.text, "");
}
END_TEST

START_TEST(clear_leaves_no_error)
{
    struct error err = {0};

    error_set(&err, ERROR_FATAL, "x", "y");
    error_clear(&err);
    ck_assert_int_eq(err.class, ERROR_NONE);
    ck_assert_str_eq(err.text, "");
    ck_assert_ptr_null(err.file);
}
END_TEST

static const struct {
    enum error_class class;
    const char *name;
} names[] = {
    {ERROR_NONE, "none"},
    {ERROR_TRANSIENT, "transient"},
    {ERROR_POISON, "poison"},
    {ERROR_REFUSED, "refused"},
    {ERROR_FENCED, "fenced"},
    {ERROR_FATAL, "fatal"},
    {(enum error_class)99, "unknown"},
};

START_TEST(classes_have_names)
{
    ck_assert_str_eq(error_class_name(names[_i].class), names[_i].name);
}
END_TEST

#ifndef DAYBOOK_SANITIZED
START_TEST(an_error_without_a_class_is_a_bug)
{
    struct error err = {0};

    death_expected();
    error_set(&err, ERROR_NONE, "", "x");
}
END_TEST

START_TEST(wrapping_no_error_is_a_bug)
{
    struct error err = {0};

    death_expected();
    error_wrap(&err, "context");
}
END_TEST
#endif

Suite *base_error_suite(void)
{
    Suite *suite = suite_create("base_error");
    TCase *tc = tcase_create("error");

    tcase_add_test(tc, set_fills_everything_and_returns_false);
    tcase_add_test(tc, set_clears_what_an_earlier_error_left);
    tcase_add_test(tc, set_takes_no_code_as_an_empty_one);
    tcase_add_test(tc, arguments_may_point_into_the_error_itself);
    tcase_add_test(tc, wrap_puts_the_context_first_and_keeps_the_verdict);
    tcase_add_test(tc, a_text_that_fits_exactly_is_not_cut);
    tcase_add_test(tc, whatever_is_too_long_is_cut_and_terminated);
    tcase_add_test(tc, a_long_inner_text_is_cut_behind_the_context);
    tcase_add_test(tc, a_context_longer_than_the_text_leaves_only_itself);
    tcase_add_loop_test(tc, a_cut_never_splits_a_character, 0, 12);
    tcase_add_test(tc, bytes_that_are_no_utf8_are_cut_without_reading_before_the_text);
    tcase_add_test(tc, clear_leaves_no_error);
    tcase_add_loop_test(tc, classes_have_names, 0, COUNT_OF(names));
#ifndef DAYBOOK_SANITIZED
    tcase_add_test_raise_signal(tc, an_error_without_a_class_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tc, wrapping_no_error_is_a_bug, SIGABRT);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}
