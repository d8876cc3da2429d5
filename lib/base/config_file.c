/* SPDX-License-Identifier: Apache-2.0 */
/* The INI reader. */
#include "base/config_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_all(int fd, char *out, size_t bytes_max, size_t *ret_len)
{
    size_t len = 0;

    while (len < bytes_max) {
        ssize_t got = read(fd, out + len, bytes_max - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *ret_len = len;
    return true;
}

static enum config_open slurp(struct arena *arena, int fd, size_t bytes_max, struct str *ret_text,
                              bool *ret_world_readable, const char **ret_reason)
{
    struct stat status;
    char *text;
    size_t len;

    if (fstat(fd, &status) != 0) {
        *ret_reason = arena_printf(arena, "cannot be read: %s", strerror(errno)).data;
        return CONFIG_OPEN_FAULT;
    }
    if (!S_ISREG(status.st_mode)) {
        *ret_reason = "is not a regular file";
        return CONFIG_OPEN_FAULT;
    }
    if (status.st_size > (off_t)bytes_max) {
        *ret_reason = arena_printf(arena, "is longer than %zu bytes", bytes_max).data;
        return CONFIG_OPEN_FAULT;
    }
    /* One byte more than there should be, to see whether it grew meanwhile. */
    text = arena_alloc(arena, (size_t)status.st_size + 1);
    if (!read_all(fd, text, (size_t)status.st_size + 1, &len)) {
        *ret_reason = arena_printf(arena, "cannot be read: %s", strerror(errno)).data;
        return CONFIG_OPEN_FAULT;
    }
    if (len != (size_t)status.st_size) {
        *ret_reason = "changed while it was read";
        return CONFIG_OPEN_FAULT;
    }
    *ret_text = str_from(text, len);
    *ret_world_readable = (status.st_mode & S_IROTH) != 0;
    return CONFIG_OPEN_READ;
}

enum config_open config_slurp(struct arena *arena, const char *path, size_t bytes_max,
                              struct str *ret_text, bool *ret_world_readable,
                              const char **ret_reason)
{
    /* O_NONBLOCK: opening a FIFO would wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    enum config_open result;

    if (fd < 0 && errno == ENOENT)
        return CONFIG_OPEN_ABSENT;
    if (fd < 0) {
        *ret_reason = arena_printf(arena, "cannot be opened: %s", strerror(errno)).data;
        return CONFIG_OPEN_FAULT;
    }
    result = slurp(arena, fd, bytes_max, ret_text, ret_world_readable, ret_reason);
    close(fd);
    return result;
}

struct reader {
    struct config_loader *loader;
    const char *path;
    unsigned line;
    struct str section; /* "" before the first */
};

static const char *where(const struct reader *reader)
{
    return arena_printf(reader->loader->config->arena, "%s:%u", reader->path, reader->line).data;
}

static void read_section(struct reader *reader, struct str line)
{
    struct str name;

    if (line.data[line.len - 1] != ']') {
        config_fault(reader->loader, where(reader), "a section needs its ']'");
        return;
    }
    name = str_trim(str_from(line.data + 1, line.len - 2));
    if (name.len == 0)
        config_fault(reader->loader, where(reader), "a section without a name");
    else
        reader->section = name;
}

/* Undoes the quotes of VALUE; behind them only a comment may follow. */
static bool unquote(struct reader *reader, struct str *value)
{
    char *out = arena_alloc(reader->loader->config->arena, value->len);
    size_t len = 0;
    size_t i = 1;
    struct str behind;

    for (; i < value->len && value->data[i] != '"'; i++) {
        if (value->data[i] == '\\' && i + 1 < value->len)
            i++;
        out[len++] = value->data[i];
    }
    if (i == value->len) {
        config_fault(reader->loader, where(reader), "a value without its closing quote");
        return false;
    }
    behind = str_trim(str_from(value->data + i + 1, value->len - i - 1));
    if (behind.len > 0 && behind.data[0] != '#' && behind.data[0] != ';') {
        config_fault(reader->loader, where(reader), "text behind a value in quotes");
        return false;
    }
    *value = str_from(out, len);
    return true;
}

/* " #" within a bare value: a comment for one person, part of a password for another. */
static bool is_ambiguous(struct str value)
{
    for (size_t i = 1; i < value.len; i++) {
        if ((value.data[i] == '#' || value.data[i] == ';') &&
            (value.data[i - 1] == ' ' || value.data[i - 1] == '\t'))
            return true;
    }
    return false;
}

static void read_setting(struct reader *reader, struct str line)
{
    struct str value;
    struct str key = str_trim(str_split(line, '=', &value));

    if (key.len == line.len || key.len == 0) {
        config_fault(reader->loader, where(reader), "expected [section] or key = value");
        return;
    }
    if (reader->section.len == 0) {
        config_fault(reader->loader, where(reader),
                     "'" STR_FMT "' stands above the first [section]", STR_ARG(key));
        return;
    }
    value = str_trim(value);
    if (value.len > 0 && value.data[0] == '"') {
        if (!unquote(reader, &value))
            return;
    } else if (is_ambiguous(value)) {
        config_fault(reader->loader, where(reader),
                     "put the value in quotes, or its comment on a line of its own");
        return;
    }
    key = arena_printf(reader->loader->config->arena, STR_FMT "." STR_FMT, STR_ARG(reader->section),
                       STR_ARG(key));
    config_set(reader->loader, where(reader), key, value);
}

static void read_line(struct reader *reader, struct str line)
{
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    line = str_trim(line);
    if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';')
        return;
    if (str_index(line, '\0') < line.len || !str_is_utf8(line, NULL))
        config_fault(reader->loader, where(reader), "bytes that are not UTF-8 text");
    else if (line.data[0] == '[')
        read_section(reader, line);
    else
        read_setting(reader, line);
}

void config_read_file(struct config_loader *loader, const char *path, bool must_exist)
{
    struct reader reader = {.loader = loader, .path = path};
    const char *reason = "does not exist";
    struct str text;
    enum config_open opened = config_slurp(loader->config->arena, path, CONFIG_FILE_BYTES_MAX,
                                           &text, &loader->world_readable, &reason);

    if (opened == CONFIG_OPEN_FAULT || (opened == CONFIG_OPEN_ABSENT && must_exist))
        config_fault(loader, path, "%s", reason);
    if (opened != CONFIG_OPEN_READ)
        return;

    loader->level++;
    if (str_starts_with(text, STR("\xEF\xBB\xBF")))
        text = str_from(text.data + 3, text.len - 3);
    while (text.len > 0) {
        reader.line++;
        read_line(&reader, str_split(text, '\n', &text));
    }
    loader->world_readable = false;
}

static int is_conf(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > strlen(".conf") && entry->d_name[0] != '.' &&
           strcmp(entry->d_name + len - strlen(".conf"), ".conf") == 0;
}

/* Not alphasort(): the order must not depend on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

void config_read_directory(struct config_loader *loader, const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_conf, by_name);

    if (count < 0 && errno != ENOENT)
        config_fault(loader, path, "cannot be read: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        config_read_file(
            loader, arena_printf(loader->config->arena, "%s/%s", path, entries[i]->d_name).data,
            true);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}
