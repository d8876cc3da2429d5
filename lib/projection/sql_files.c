/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/sql_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "projection/sql_file.h"

enum { SLURP_BYTES = 4096 };

struct loading {
    const char *directory;
    struct arena *arena;
    struct buf *faults;
    const struct projection **all; /* PROJECTIONS_ALL_MAX and the NULL */
    size_t count;
};

static int is_sql(const struct dirent *entry)
{
    struct str name = str_of(entry->d_name);

    return name.len > 4 && name.data[0] != '.' && strcmp(entry->d_name + name.len - 4, ".sql") == 0;
}

static void close_file(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* False: errno, or 0 for a file that is too long. */
static bool slurp(const char *path, struct buf *text)
{
    SCOPED_VALUE(close_file) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t count = fd < 0 ? -1 : 0;

    while (count >= 0) {
        char *room = buf_reserve(text, SLURP_BYTES);

        if (text->len > SQL_FILE_BYTES_MAX || !room) {
            errno = 0;
            return false;
        }
        count = read(fd, room, SLURP_BYTES);
        if (count == 0)
            return true;
        if (count > 0)
            buf_commit(text, (size_t)count);
        else if (errno == EINTR)
            count = 0;
    }
    return false;
}

static void load_file(struct loading *l, const char *name)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(SQL_FILE_BYTES_MAX + 2 * SLURP_BYTES);
    const char *path = arena_cstr(l->arena, arena_printf(l->arena, "%s/%s", l->directory, name));

    if (!slurp(path, &text)) {
        buf_printf(l->faults, "%s: %s\n", path,
                   errno ? strerror(errno) : "the file is longer than 256 KiB");
        return;
    }
    if (l->count == PROJECTIONS_ALL_MAX) {
        buf_printf(l->faults, "%s: there are more than %d projections\n", path,
                   (int)PROJECTIONS_ALL_MAX);
        return;
    }
    if (sql_file_parse(path, buf_str(&text), l->all, l->arena, l->faults, &l->all[l->count]))
        l->count++;
}

bool sql_files_load(const char *directory, const struct projection *const *built_in,
                    struct arena *arena, struct buf *faults, const struct projection *const **ret)
{
    struct loading l = {
        .directory = directory,
        .arena = arena,
        .faults = faults,
        .all = ARENA_ARRAY(arena, const struct projection *, (size_t)PROJECTIONS_ALL_MAX + 1)};
    size_t before = faults->len;
    struct dirent **entries = NULL;
    int count = 0;

    for (; *built_in; built_in++)
        l.all[l.count++] = *built_in;
    if (directory[0] != '\0')
        count = scandir(directory, &entries, is_sql, alphasort);
    if (count < 0)
        buf_printf(faults, "projection.directory: '%s': %s\n", directory, strerror(errno));
    for (int i = 0; i < count; i++) {
        load_file(&l, entries[i]->d_name);
        free(entries[i]); /* scandir's, not ours */
    }
    free(entries);
    *ret = l.all;
    return faults->len == before;
}
