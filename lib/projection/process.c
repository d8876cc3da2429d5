/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/process.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum { START_FIELD = 22, STAT_BYTES_MAX = 1024 };

/* The file's first bytes, without a newline at the end; empty when it can not be read. */
static struct str read_file(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = 0;

    if (fd >= 0) {
        len = read(fd, out, size);
        close(fd);
    }
    if (len < 0)
        len = 0;
    if (len > 0 && out[len - 1] == '\n')
        len--;
    return str_from(out, (size_t)len);
}

/* When the process started, in clock ticks since boot; empty: there is no such process. */
static struct str read_start(uint64_t pid, char *out, size_t size)
{
    char path[64];
    struct str rest, field = STR_NONE;
    size_t name_end;

    snprintf(path, sizeof(path), "/proc/%llu/stat", (unsigned long long)pid);
    rest = read_file(path, out, size);
    /* "pid (name) state ...": the name may hold anything, so count from its last bracket. */
    for (name_end = rest.len; name_end > 0 && rest.data[name_end - 1] != ')'; name_end--)
        ;
    rest = str_trim(str_from(rest.data + name_end, rest.len - name_end));
    for (int i = 3; i <= START_FIELD; i++)
        field = str_split(rest, ' ', &rest);
    return field;
}

/* "<boot id> <pid namespace>" */
static void read_world(char *out, size_t size)
{
    char boot[64], space[64];
    struct str id = read_file("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
    ssize_t len = readlink("/proc/self/ns/pid", space, sizeof(space));

    snprintf(out, size, STR_FMT " %.*s", STR_ARG(id), len > 0 ? (int)len : 0, space);
}

void process_name_self(char out[PROCESS_NAME_MAX + 1])
{
    char world[140], stat[STAT_BYTES_MAX];
    struct str start = read_start((uint64_t)getpid(), stat, sizeof(stat));

    read_world(world, sizeof(world));
    snprintf(out, PROCESS_NAME_MAX + 1, "%s %d " STR_FMT, world, (int)getpid(), STR_ARG(start));
}

void process_host(char out[PROCESS_HOST_MAX + 1])
{
    if (gethostname(out, PROCESS_HOST_MAX) != 0)
        out[0] = '\0';
    out[PROCESS_HOST_MAX] = '\0';
}

enum process_life process_look(struct str name)
{
    char world[140], stat[STAT_BYTES_MAX];
    struct str rest, pid, start;
    uint64_t number;

    read_world(world, sizeof(world));
    if (!str_starts_with(name, str_of(world)))
        return PROCESS_ELSEWHERE;
    rest = str_trim(str_from(name.data + strlen(world), name.len - strlen(world)));
    pid = str_split(rest, ' ', &start);
    if (!str_to_u64(pid, INT_MAX, &number) || start.len == 0)
        return PROCESS_ELSEWHERE;
    return str_equal(start, read_start(number, stat, sizeof(stat))) ? PROCESS_LIVES : PROCESS_DEAD;
}
