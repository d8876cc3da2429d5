/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Check lacks for our own types.
 *
 * EXPECT_STR compares a struct str with a C string and shows both.
 */
#ifndef DAYBOOK_TESTS_SUPPORT_EXPECT_H
#define DAYBOOK_TESTS_SUPPORT_EXPECT_H
#include <check.h>

#include "base/str.h"

#define EXPECT_STR(actual, expected) \
    do { \
        struct str actual_ = (actual); \
        struct str expected_ = str_of(expected); \
        ck_assert_msg(str_equal(actual_, expected_), \
                      "%s is '" STR_FMT "' (%zu bytes), not '" STR_FMT "' (%zu bytes)", #actual, \
                      STR_ARG(actual_), actual_.len, STR_ARG(expected_), expected_.len); \
    } while (0)

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

#endif
