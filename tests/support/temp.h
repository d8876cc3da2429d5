/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of the test's own, gone with all that is in it at the end.
 *
 * Threads: the test's.
 */
#ifndef DAYBOOK_TESTS_SUPPORT_TEMP_H
#define DAYBOOK_TESTS_SUPPORT_TEMP_H
#include <sys/types.h>

#include "base/scope.h"
#include "base/str.h"

struct temp_dir {
    char path[64];
};

struct temp_dir *temp_dir_new(void);
void temp_dir_free(struct temp_dir *dir);
SCOPED_DEFINE(struct temp_dir *, temp_dir_free);

/* The path of NAME in it; lives until the directory's end or the 16th call after this one. */
const char *temp_path(struct temp_dir *dir, const char *name);

/* Writes a file with exactly this mode, and gives its path as temp_path does. */
const char *temp_write(struct temp_dir *dir, const char *name, struct str text, mode_t mode);

#endif
