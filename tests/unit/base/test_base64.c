/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <check.h>

#include "base/buf.h"
#include "base/scope.h"
#include "tests/support/expect.h"

Suite *base_base64_suite(void);

/* RFC 4648, section 10, and every bit. */
static const struct {
    struct str bytes;
    const char *text;
} rows[] = {
    {STR_INIT(""), ""},
    {STR_INIT("f"), "Zg=="},
    {STR_INIT("fo"), "Zm8="},
    {STR_INIT("foo"), "Zm9v"},
    {STR_INIT("foob"), "Zm9vYg=="},
    {STR_INIT("fooba"), "Zm9vYmE="},
    {STR_INIT("foobar"), "Zm9vYmFy"},
    {STR_INIT("\xff\xff\xff"), "////"},
    {STR_INIT("\xfb\xef\xbe"), "++++"},
    {STR_INIT("\0\0"), "AAA="},
};

START_TEST(it_is_the_rfc_s)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(64);

    buf_add_char(&out, '<');
    base64_write(&out, rows[_i].bytes);
    buf_add_char(&out, '\0');
    ck_assert_str_eq(out.data + 1, rows[_i].text);
}
END_TEST

START_TEST(what_does_not_fit_fails_the_buffer)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(7);

    base64_write(&out, STR("foobar"));
    ck_assert(out.failed);
}
END_TEST

Suite *base_base64_suite(void)
{
    Suite *suite = suite_create("base_base64");
    TCase *tc = tcase_create("base64");

    tcase_add_loop_test(tc, it_is_the_rfc_s, 0, COUNT_OF(rows));
    tcase_add_test(tc, what_does_not_fit_fails_the_buffer);
    suite_add_tcase(suite, tc);
    return suite;
}
