/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/buf.h"
#include "postgres/migrate.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NUMBER_DIGITS = 4,
    FILE_BYTES_MAX = 16 << 20,
};

static bool fail(struct error *err, const char *dir, const char *name, const char *what)
{
    return error_set(err, ERROR_FATAL, "", "%s%s%s: %s", dir, name ? "/" : "", name ? name : "",
                     what);
}

static int is_sql(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".sql") == 0;
}

/* NNNN_name.sql; 0: it is not. */
static int number_of(const char *name)
{
    int number = 0;

    if (strspn(name, "0123456789") != NUMBER_DIGITS || name[NUMBER_DIGITS] != '_')
        return 0;
    for (int i = 0; i < NUMBER_DIGITS; i++)
        number = number * 10 + (name[i] - '0');
    return number;
}

static void close_file(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Until the file's end; NULL: all well. */
static const char *read_all(int fd, struct buf *out)
{
    for (;;) {
        char *room = buf_reserve(out, 64 << 10);
        ssize_t got;

        if (!room)
            return "larger than 16 MiB";
        got = read(fd, room, 64 << 10);
        if (got == 0)
            return memchr(out->data, '\0', out->len) ? "has a NUL byte" : NULL;
        if (got > 0)
            buf_commit(out, (size_t)got);
        else if (errno != EINTR)
            return strerror(errno);
    }
}

static bool read_file(const char *dir, int dir_fd, const char *name, struct arena *arena,
                      struct migration *ret, struct error *err)
{
    SCOPED_VALUE(close_file)
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(FILE_BYTES_MAX);
    struct stat status;
    const char *fault;

    ret->number = number_of(name);
    if (ret->number == 0)
        return fail(err, dir, name, "a migration is named NNNN_name.sql");
    if (fd < 0 || fstat(fd, &status) < 0)
        return fail(err, dir, name, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return fail(err, dir, name, "not a file");
    fault = read_all(fd, &text);
    if (fault)
        return fail(err, dir, name, fault);
    ret->name = arena_cstr(arena, str_of(name));
    ret->sql = arena_cstr(arena, buf_str(&text));
    return true;
}

static bool read_files(const char *dir, struct dirent **entries, size_t count, struct arena *arena,
                       struct migration *ret, struct error *err)
{
    SCOPED_VALUE(close_file) int dir_fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);

    if (dir_fd < 0)
        return fail(err, dir, NULL, strerror(errno));
    for (size_t i = 0; i < count; i++)
        if (!read_file(dir, dir_fd, entries[i]->d_name, arena, &ret[i], err))
            return false;
    return true;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

bool migrations_from_dir(const char *dir, struct arena *arena, struct migration **ret,
                         size_t *ret_count, struct error *err)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, is_sql, by_name);
    struct migration *migrations;
    bool ok;

    if (count < 0)
        return fail(err, dir, NULL, strerror(errno));
    migrations = ARENA_ARRAY(arena, struct migration, (size_t)count);
    ok = read_files(dir, entries, (size_t)count, arena, migrations, err);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    if (!ok)
        return false;
    *ret = migrations;
    *ret_count = (size_t)count;
    return true;
}
