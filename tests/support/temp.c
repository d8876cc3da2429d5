/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/temp.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { PATHS_MAX = 16 };

struct temp_dir *temp_dir_new(void)
{
    struct temp_dir *dir = mem_zalloc(sizeof(*dir));

    snprintf(dir->path, sizeof(dir->path), "/tmp/daybook-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir->path));
    return dir;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void temp_dir_free(struct temp_dir *dir)
{
    if (dir == NULL)
        return;
    nftw(dir->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    mem_free(dir);
}

const char *temp_path(struct temp_dir *dir, const char *name)
{
    static char paths[PATHS_MAX][256];
    static unsigned next;
    char *path = paths[next++ % PATHS_MAX];

    snprintf(path, sizeof(paths[0]), "%s/%s", dir->path, name);
    return path;
}

const char *temp_write(struct temp_dir *dir, const char *name, struct str text, mode_t mode)
{
    const char *path = temp_path(dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text.data, text.len), (ssize_t)text.len);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(close(fd), 0);
    return path;
}
