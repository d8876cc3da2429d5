/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <check.h>
#include <limits.h>

#include "tests/support/expect.h"

Suite *base_str_suite(void);

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

START_TEST(of_null_is_empty)
{
    ck_assert_uint_eq(str_of(NULL).len, 0);
    ck_assert(str_equal(str_of(NULL), STR("")));
    ck_assert(str_equal(STR_NONE, str_of("")));
}
END_TEST

static const struct {
    struct str a, b;
    int order;
} compares[] = {
    {STR_INIT(""), STR_INIT(""), 0},
    {STR_INIT(""), STR_INIT("a"), -1},
    {STR_INIT("a"), STR_INIT("a"), 0},
    {STR_INIT("a"), STR_INIT("ab"), -1},
    {STR_INIT("b"), STR_INIT("ab"), 1},
    {STR_INIT("a\0b"), STR_INIT("a\0c"), -1},
    {STR_INIT("a\0b"), STR_INIT("a"), 1},
    {STR_INIT("Z"), STR_INIT("a"), -1},
    {STR_INIT("\xFF"), STR_INIT("a"), 1}, /* bytes are unsigned */
    {STR_INIT("order-10"), STR_INIT("order-9"), -1},
};

START_TEST(compare_orders_by_bytes_then_by_length)
{
    struct str a = compares[_i].a;
    struct str b = compares[_i].b;

    ck_assert_int_eq(sign(str_compare(a, b)), compares[_i].order);
    ck_assert_int_eq(sign(str_compare(b, a)), -compares[_i].order);
    ck_assert_int_eq(str_equal(a, b), compares[_i].order == 0);
    ck_assert_int_eq(str_equal_constant_time(a, b), compares[_i].order == 0);
    ck_assert_int_eq(str_equal_constant_time(b, a), compares[_i].order == 0);
}
END_TEST

START_TEST(constant_time_comparison_sees_each_single_bit)
{
    char a[32];
    char b[32];

    for (size_t byte = 0; byte < sizeof(a); byte++) {
        for (int bit = 0; bit < 8; bit++) {
            memset(a, 'k', sizeof(a));
            memset(b, 'k', sizeof(b));
            b[byte] = (char)(b[byte] ^ 1 << bit);
            ck_assert(!str_equal_constant_time(str_from(a, sizeof(a)), str_from(b, sizeof(b))));
        }
    }
    ck_assert(str_equal_constant_time(str_from(a, sizeof(a)), str_from(a, sizeof(a))));
}
END_TEST

START_TEST(constant_time_comparison_does_not_pad_with_zeros)
{
    ck_assert(!str_equal_constant_time(STR("key"), STR("key\0")));
    ck_assert(!str_equal_constant_time(STR("\0"), STR("")));
}
END_TEST

static const struct {
    struct str s, prefix;
    bool starts;
} prefixes[] = {
    {STR_INIT("order-1"), STR_INIT("order-"), true},
    {STR_INIT("order"), STR_INIT("order"), true},
    {STR_INIT("orde"), STR_INIT("order"), false},
    {STR_INIT("xorder"), STR_INIT("order"), false},
    {STR_INIT("x"), STR_INIT(""), true},
    {{NULL, 0}, {NULL, 0}, true},
    {{NULL, 0}, STR_INIT("x"), false},
};

START_TEST(starts_with)
{
    ck_assert_int_eq(str_starts_with(prefixes[_i].s, prefixes[_i].prefix), prefixes[_i].starts);
}
END_TEST

static const struct {
    struct str a, b;
    bool equal;
} folded[] = {
    {STR_INIT("Content-Type"), STR_INIT("content-TYPE"), true},
    {STR_INIT(""), STR_INIT(""), true},
    {STR_INIT("a"), STR_INIT("ab"), false},
    {STR_INIT("@"), STR_INIT("`"), false}, /* next to A and a, 0x20 apart */
    {STR_INIT("["), STR_INIT("{"), false}, /* next to Z and z */
    {STR_INIT("\xC3\x89"), STR_INIT("\xC3\xA9"), false},
};

START_TEST(case_is_ignored_in_ascii_only)
{
    ck_assert_int_eq(str_equal_ignore_case(folded[_i].a, folded[_i].b), folded[_i].equal);
}
END_TEST

START_TEST(index_is_the_first_or_the_length)
{
    ck_assert_uint_eq(str_index(STR("a-b-c"), '-'), 1);
    ck_assert_uint_eq(str_index(STR("abc"), '-'), 3);
    ck_assert_uint_eq(str_index(STR_NONE, '-'), 0);
    ck_assert_uint_eq(str_index(STR("a\0b"), '\0'), 1);
    ck_assert_uint_eq(str_index(STR("ab"), '\0'), 2);
}
END_TEST

START_TEST(trim_takes_blanks_and_tabs_off_both_ends)
{
    EXPECT_STR(str_trim(STR(" \t a b \t")), "a b");
    EXPECT_STR(str_trim(STR("a")), "a");
    EXPECT_STR(str_trim(STR(" \t ")), "");
    EXPECT_STR(str_trim(STR("\n a \n")), "\n a \n");
    EXPECT_STR(str_trim(STR_NONE), "");
}
END_TEST

START_TEST(split_walks_a_list)
{
    struct str rest = STR("a,b,,c");

    EXPECT_STR(str_split(rest, ',', &rest), "a");
    EXPECT_STR(str_split(rest, ',', &rest), "b");
    EXPECT_STR(str_split(rest, ',', &rest), "");
    EXPECT_STR(str_split(rest, ',', &rest), "c");
    ck_assert_uint_eq(rest.len, 0);
    EXPECT_STR(str_split(rest, ',', &rest), "");
}
END_TEST

START_TEST(split_of_nothing_is_nothing)
{
    struct str rest = STR("x");

    ck_assert_uint_eq(str_split(STR_NONE, ',', &rest).len, 0);
    ck_assert_uint_eq(rest.len, 0);
}
END_TEST

START_TEST(split_at_the_end_leaves_an_empty_rest)
{
    struct str rest;

    EXPECT_STR(str_split(STR("key="), '=', &rest), "key");
    EXPECT_STR(rest, "");
    EXPECT_STR(str_split(STR("=value"), '=', &rest), "");
    EXPECT_STR(rest, "value");
}
END_TEST

static const struct {
    const char *text;
    uint64_t max;
    bool ok;
    uint64_t value;
} unsigned_numbers[] = {
    {"0", 0, true, 0},
    {"1", 1, true, 1},
    {"2", 1, false, 0},
    {"500", 500, true, 500},
    {"501", 500, false, 0},
    {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
    {"18446744073709551616", UINT64_MAX, false, 0},
    {"18446744073709551620", UINT64_MAX, false, 0},
    {"99999999999999999999", UINT64_MAX, false, 0},
    {"184467440737095516150", UINT64_MAX, false, 0},
    {"", UINT64_MAX, false, 0},
    {"00", UINT64_MAX, false, 0},
    {"01", UINT64_MAX, false, 0},
    {"+1", UINT64_MAX, false, 0},
    {"-1", UINT64_MAX, false, 0},
    {" 1", UINT64_MAX, false, 0},
    {"1 ", UINT64_MAX, false, 0},
    {"1.0", UINT64_MAX, false, 0},
    {"1e3", UINT64_MAX, false, 0},
    {"0x1", UINT64_MAX, false, 0},
    {"1/", UINT64_MAX, false, 0},       /* next to 0 in ASCII */
    {"1:", UINT64_MAX, false, 0},       /* next to 9 */
    {"\xD9\xA1", UINT64_MAX, false, 0}, /* an Arabic one */
};

START_TEST(to_u64)
{
    uint64_t value = 4711;
    bool ok = str_to_u64(str_of(unsigned_numbers[_i].text), unsigned_numbers[_i].max, &value);

    ck_assert_int_eq(ok, unsigned_numbers[_i].ok);
    ck_assert_uint_eq(value, ok ? unsigned_numbers[_i].value : 4711);
}
END_TEST

START_TEST(to_u64_stops_at_the_length_not_at_a_nul)
{
    uint64_t value;

    ck_assert(str_to_u64(str_from("123456", 3), UINT64_MAX, &value));
    ck_assert_uint_eq(value, 123);
    ck_assert(!str_to_u64(str_from("12\0003", 4), UINT64_MAX, &value));
}
END_TEST

static const struct {
    const char *text;
    bool ok;
    int64_t value;
} signed_numbers[] = {
    {"0", true, 0},
    {"-1", true, -1},
    {"9223372036854775807", true, INT64_MAX},
    {"9223372036854775808", false, 0},
    {"-9223372036854775807", true, -INT64_MAX},
    {"-9223372036854775808", true, INT64_MIN},
    {"-9223372036854775809", false, 0},
    {"-0", false, 0},
    {"-", false, 0},
    {"--1", false, 0},
    {"+1", false, 0},
    {"-01", false, 0},
    {"- 1", false, 0},
    {"", false, 0},
};

START_TEST(to_i64)
{
    int64_t value = 4711;
    bool ok = str_to_i64(str_of(signed_numbers[_i].text), &value);

    ck_assert_int_eq(ok, signed_numbers[_i].ok);
    ck_assert_int_eq(value, ok ? signed_numbers[_i].value : 4711);
}
END_TEST

static const struct {
    struct str s;
    bool ok;
    size_t bad;
} encodings[] = {
    {STR_INIT(""), true, 0},
    {STR_INIT("plain"), true, 0},
    {STR_INIT("a\0b"), true, 0}, /* NUL is a character; who minds it looks for it */
    {STR_INIT("\x7F"), true, 0},
    {STR_INIT("\xC2\x80"), true, 0},
    {STR_INIT("\xDF\xBF"), true, 0},
    {STR_INIT("\xE0\xA0\x80"), true, 0},
    {STR_INIT("\xED\x9F\xBF"), true, 0}, /* U+D7FF, the last before the surrogates */
    {STR_INIT("\xEE\x80\x80"), true, 0}, /* U+E000, the first behind them */
    {STR_INIT("\xEF\xBF\xBF"), true, 0}, /* U+FFFF, a noncharacter, is well-formed */
    {STR_INIT("\xF0\x90\x80\x80"), true, 0},
    {STR_INIT("\xF4\x8F\xBF\xBF"), true, 0}, /* U+10FFFF */
    {STR_INIT("ab\x80"), false, 2},          /* a continuation alone */
    {STR_INIT("\xBF"), false, 0},
    {STR_INIT("a\xC2"), false, 1}, /* ends within a character */
    {STR_INIT("a\xE2\x82"), false, 1},
    {STR_INIT("a\xF0\x9F\x98"), false, 1},
    {STR_INIT("a\xC2z"), false, 1}, /* broken off by another */
    {STR_INIT("a\xE2\x82z"), false, 1},
    {STR_INIT("\xC0\x80"), false, 0}, /* overlong NUL */
    {STR_INIT("\xC1\xBF"), false, 0},
    {STR_INIT("\xE0\x9F\xBF"), false, 0},         /* overlong U+07FF */
    {STR_INIT("\xF0\x8F\xBF\xBF"), false, 0},     /* overlong U+FFFF */
    {STR_INIT("\xED\xA0\x80"), false, 0},         /* U+D800 */
    {STR_INIT("\xED\xBF\xBF"), false, 0},         /* U+DFFF */
    {STR_INIT("\xF4\x90\x80\x80"), false, 0},     /* U+110000 */
    {STR_INIT("\xF5\x80\x80\x80"), false, 0},     /* never a lead byte */
    {STR_INIT("\xF8\x88\x80\x80\x80"), false, 0}, /* five bytes */
    {STR_INIT("\xFE"), false, 0},
    {STR_INIT("ok\xFF"), false, 2},
};

START_TEST(utf8_is_checked_strictly)
{
    size_t bad = 4711;
    bool ok = str_is_utf8(encodings[_i].s, &bad);

    ck_assert_int_eq(ok, encodings[_i].ok);
    ck_assert_uint_eq(bad, ok ? 4711 : encodings[_i].bad);
    ck_assert_int_eq(str_is_utf8(encodings[_i].s, NULL), ok);
}
END_TEST

static size_t encode(uint32_t code_point, char out[4])
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3F));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code_point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code_point & 0x3F));
    return 4;
}

START_TEST(every_code_point_comes_back_but_the_surrogates)
{
    for (uint32_t code_point = 0; code_point <= 0x10FFFF; code_point++) {
        char text[4];
        size_t len = encode(code_point, text);
        uint32_t back = UINT32_MAX;
        size_t taken = str_utf8_next(str_from(text, len), &back);

        bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;

        /* Not an assertion each: Check notes every one that passes, which takes microseconds. */
        if (surrogate ? taken != 0 : taken != len || back != code_point)
            ck_abort_msg("U+%04X: %zu bytes, U+%04X", code_point, taken, back);
    }
}
END_TEST

/* All two-byte texts, against the rule written the other way round. */
START_TEST(two_bytes_are_well_formed_exactly_when_the_rule_says_so)
{
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            char text[2] = {(char)a, (char)b};
            bool two_ascii = a < 0x80 && b < 0x80;
            bool one_character = a >= 0xC2 && a <= 0xDF && b >= 0x80 && b <= 0xBF;

            if (str_is_utf8(str_from(text, 2), NULL) != (two_ascii || one_character))
                ck_abort_msg("%02X %02X", a, b);
        }
    }
}
END_TEST

START_TEST(utf8_next_of_nothing_takes_nothing)
{
    uint32_t code_point = 4711;

    ck_assert_uint_eq(str_utf8_next(STR_NONE, &code_point), 0);
    ck_assert_uint_eq(code_point, 4711);
}
END_TEST

/* Published test vectors of FNV-1a, 64 bit. */
START_TEST(hash_is_fnv_1a)
{
    ck_assert_uint_eq(str_hash(STR("")), 0xCBF29CE484222325U);
    ck_assert_uint_eq(str_hash(STR("a")), 0xAF63DC4C8601EC8CU);
    ck_assert_uint_eq(str_hash(STR("foobar")), 0x85944171F73967E8U);
    ck_assert_uint_ne(str_hash(STR("a\0b")), str_hash(STR("a")));
}
END_TEST

START_TEST(hexadecimal_digits_have_a_value_and_nothing_else_has)
{
    const struct str digits = STR("0123456789abcdefABCDEF");

    for (int c = CHAR_MIN; c <= CHAR_MAX; c++) {
        size_t at = str_index(digits, (char)c);
        int value = at == digits.len ? -1 : (int)(at < 16 ? at : at - 6);

        ck_assert_msg(str_hex_value((char)c) == value, "%d", c);
    }
}
END_TEST

Suite *base_str_suite(void)
{
    Suite *suite = suite_create("base_str");
    TCase *tc = tcase_create("str");

    tcase_add_test(tc, of_null_is_empty);
    tcase_add_loop_test(tc, compare_orders_by_bytes_then_by_length, 0, COUNT_OF(compares));
    tcase_add_test(tc, constant_time_comparison_sees_each_single_bit);
    tcase_add_test(tc, constant_time_comparison_does_not_pad_with_zeros);
    tcase_add_loop_test(tc, starts_with, 0, COUNT_OF(prefixes));
    tcase_add_loop_test(tc, case_is_ignored_in_ascii_only, 0, COUNT_OF(folded));
    tcase_add_test(tc, index_is_the_first_or_the_length);
    tcase_add_test(tc, trim_takes_blanks_and_tabs_off_both_ends);
    tcase_add_test(tc, split_walks_a_list);
    tcase_add_test(tc, split_of_nothing_is_nothing);
    tcase_add_test(tc, split_at_the_end_leaves_an_empty_rest);
    tcase_add_loop_test(tc, to_u64, 0, COUNT_OF(unsigned_numbers));
    tcase_add_test(tc, to_u64_stops_at_the_length_not_at_a_nul);
    tcase_add_loop_test(tc, to_i64, 0, COUNT_OF(signed_numbers));
    tcase_add_test(tc, hexadecimal_digits_have_a_value_and_nothing_else_has);
    tcase_add_loop_test(tc, utf8_is_checked_strictly, 0, COUNT_OF(encodings));
    tcase_add_test(tc, every_code_point_comes_back_but_the_surrogates);
    tcase_add_test(tc, two_bytes_are_well_formed_exactly_when_the_rule_says_so);
    tcase_add_test(tc, utf8_next_of_nothing_takes_nothing);
    tcase_add_test(tc, hash_is_fnv_1a);
    suite_add_tcase(suite, tc);
    return suite;
}
