/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/death.h"

#include <check.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

void death_expected(void)
{
    const struct rlimit none = {0, 0};
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_CORE, &none), 0);
}
