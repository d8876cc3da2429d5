/* SPDX-License-Identifier: Apache-2.0 */
/* Whole streams to the terminal, to lines of CloudEvents, and from such lines. */
#include "cmd/daybook/ask.h"
#include "cmd/daybook/client.h"
#include "cmd/daybook/verbs.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_BYTES_MAX = 8 << 10,
    PAGE_EVENTS = 1000,
    LINE_BYTES_MAX = 2 << 20,
    CHUNK_EVENTS_MAX = 500, /* of one append: what is appended is all or nothing */
    CHUNK_BYTES_MAX = 1 << 20,
    BODY_BYTES_MAX = 4 << 20,
};

static const struct json_limits event_limits = {
    .depth_max = 34, .values_max = 100000, .string_bytes_max = LINE_BYTES_MAX};

static const char *const event_members[] = {"version",     "position", "type", "occurred_at",
                                            "recorded_at", "id",       "data", NULL};

static const char *const imported_members[] = {"stream", "first_version", "version", "position",
                                               NULL};

/* Reading a whole stream. */

typedef int (*items_fn)(void *arg, struct str items);

/* Gives the items of every page to FN; its exit status ends the reading. */
static int read_pages(struct invocation *invocation, items_fn fn, void *arg)
{
    const char *text = invocation_option(invocation, "from");
    int64_t from = 1;

    if (text && !ask_number(invocation, "--from", str_of(text), 1, INT64_MAX, &from))
        return EXIT_USAGE;
    for (;;) {
        SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
        struct str answer, items, next;

        buf_add_cstr(&path, "/v1/streams/");
        client_escape(&path, invocation->arguments[0]);
        buf_printf(&path, "/events?from=%" PRId64 "&limit=%d", from, PAGE_EVENTS);
        int status = client_get(invocation, buf_str(&path), &answer);
        if (status != EXIT_OK)
            return status;
        if (!json_member(answer, "items", &items) || !json_member(answer, "next_from", &next))
            return EXIT_FAILED;
        status = fn(arg, items);
        if (status != EXIT_OK || !str_to_i64(next, &from))
            return status; /* null: it was the last one */
    }
}

static int add_rows(void *arg, struct str items)
{
    rows_add_array(arg, items);
    return EXIT_OK;
}

int replay_stream_run(struct invocation *invocation)
{
    SCOPED_VALUE(rows_release) struct rows rows = {0};
    int status = read_pages(invocation, add_rows, &rows);

    return status == EXIT_OK ? output_rows(invocation, event_members, &rows) : status;
}

/* Export. */

struct export
{
    struct invocation *invocation;
    struct str log; /* the id of the log, with its quotes */
};

static void add_raw(struct buf *line, const char *key, struct str item, const char *member)
{
    struct str raw;

    if (!json_member(item, member, &raw) || str_equal(raw, STR("null")))
        return;
    json_write_key(line, key);
    buf_add_str(line, raw);
}

/* A CloudEvent's extensions are scalars: metadata is the text of its JSON. */
static void add_metadata(struct buf *line, struct str item)
{
    struct str raw;

    if (!json_member(item, "metadata", &raw) || str_equal(raw, STR("null")))
        return;
    json_write_key(line, "metadata");
    json_write_str(line, raw);
}

static void write_event(const struct export *export, struct str item, struct buf *line)
{
    buf_printf(line, "{\"specversion\":\"1.0\",\"source\":\"/daybook/%.*s\"",
               (int)export->log.len - 2, export->log.data + 1);
    add_raw(line, "id", item, "id");
    add_raw(line, "type", item, "type");
    add_raw(line, "subject", item, "stream");
    add_raw(line, "time", item, "occurred_at");
    add_raw(line, "recordedtime", item, "recorded_at");
    add_raw(line, "streamversion", item, "version");
    add_raw(line, "globalposition", item, "position");
    buf_add_cstr(line, ",\"datacontenttype\":\"application/json\"");
    add_metadata(line, item);
    add_raw(line, "data", item, "data");
    buf_add_cstr(line, "}\n");
}

static int export_items(void *arg, struct str items)
{
    const struct export *export = arg;
    SCOPED_VALUE(buf_release) struct buf lines = BUF_INIT(2 * CLIENT_BODY_BYTES_MAX);
    struct json_cursor cursor;
    struct str key, item;

    if (!json_open(items, &cursor))
        return EXIT_FAILED;
    while (json_next(&cursor, &key, &item))
        write_event(export, item, &lines);
    return !lines.failed && program_print(buf_str(&lines)) ? EXIT_OK : EXIT_FAILED;
}

int stream_export_run(struct invocation *invocation)
{
    struct export export = {.invocation = invocation};
    struct str answer, log;
    int status = client_get(invocation, STR("/admin/v1/status"), &answer);

    if (status != EXIT_OK)
        return status;
    if (!json_member(answer, "log", &log) || !json_member(log, "id", &export.log))
        return EXIT_FAILED;
    return read_pages(invocation, export_items, &export);
}

/* Import. */

struct import {
    struct invocation *invocation;
    FILE *file;
    int64_t line;       /* the last that was read */
    int64_t first_line; /* of the chunk */
    struct str stream;  /* of the chunk, with its quotes; data NULL: it is empty */
    struct buf body;    /* ends behind its last event */
    size_t events;
    struct rows done;
};

static int complain_line(const struct import *import, const char *what)
{
    return ask_usage(import->invocation, "line %" PRId64 ": %s", import->line, what);
}

static void write_path(const struct import *import, struct buf *path)
{
    SCOPED(json_decref)
    json_t *stream = json_loadb(import->stream.data, import->stream.len, JSON_DECODE_ANY, NULL);
    const char *name = json_string_value(stream);

    buf_add_cstr(path, "/v1/streams/");
    client_escape(path, name ? name : "");
    buf_add_cstr(path, "/events");
    if (invocation_has(import->invocation, "override"))
        buf_add_cstr(path, "?override=reserved-category");
}

/* Appends what was gathered: events with these ids in this order that are there already change
 * nothing. */
static int send_chunk(struct import *import)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
    struct str answer;
    int status;

    if (import->events == 0)
        return EXIT_OK;
    buf_add_cstr(&import->body, "]}");
    write_path(import, &path);
    status = import->body.failed
                 ? EXIT_FAILED
                 : ask_post(import->invocation, buf_str(&path), buf_str(&import->body), &answer);
    if (status == EXIT_OK)
        rows_add(&import->done, answer);
    else
        fprintf(stderr, "%s: lines %" PRId64 " to %" PRId64 " were not appended\n",
                import->invocation->program->name, import->first_line,
                import->first_line + (int64_t)import->events - 1);
    buf_clear(&import->body);
    import->events = 0;
    return status;
}

static bool add_decoded(struct buf *body, const char *key, struct str raw)
{
    SCOPED(json_decref) json_t *text = json_loadb(raw.data, raw.len, JSON_DECODE_ANY, NULL);
    struct str json = str_from(json_string_value(text), json_string_length(text));
    struct error err;

    if (!json.data || !json_check(json, event_limits, &err))
        return false;
    json_write_key(body, key);
    buf_add_str(body, json);
    return true;
}

/* False: it is no event of ours. */
static bool add_event(struct import *import, struct str line)
{
    struct buf *body = &import->body;
    struct str value;

    buf_add_cstr(body, import->events == 0 ? "{\"events\":[{" : ",{");
    add_raw(body, "id", line, "id");
    add_raw(body, "type", line, "type");
    add_raw(body, "occurred_at", line, "time");
    add_raw(body, "data", line, "data");
    if (json_member(line, "metadata", &value) && !add_decoded(body, "metadata", value))
        return false;
    buf_add_char(body, '}');
    if (import->events++ == 0)
        import->first_line = import->line;
    return json_member(line, "id", &value) && json_member(line, "type", &value) &&
           json_member(line, "data", &value);
}

static bool is_full(const struct import *import)
{
    return import->events == CHUNK_EVENTS_MAX || import->body.len > CHUNK_BYTES_MAX;
}

static int take_line(struct import *import, struct str line)
{
    const char *to = invocation_option(import->invocation, "to");
    struct str stream;
    struct error err;
    int status = EXIT_OK;

    if (!json_check(line, event_limits, &err))
        return complain_line(import, err.text);
    if (!json_member(line, "subject", &stream) || stream.len < 2 || stream.data[0] != '"')
        return complain_line(import, "no CloudEvent with a subject");
    if (to)
        stream = arena_printf(import->invocation->arena, "\"%s\"", to);
    if (import->events > 0 && (is_full(import) || !str_equal(import->stream, stream)))
        status = send_chunk(import);
    if (status != EXIT_OK)
        return status;
    if (import->events == 0)
        import->stream = arena_dup(import->invocation->arena, stream);
    return add_event(import, line) ? EXIT_OK
                                   : complain_line(import, "no event with id, type and data");
}

static int take_lines(struct import *import)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    int status = EXIT_OK;

    while (status == EXIT_OK && (len = getline(&line, &capacity, import->file)) >= 0) {
        struct str text = str_from(line, (size_t)len);

        import->line++;
        if (text.len > 0 && text.data[text.len - 1] == '\n')
            text.len--;
        if (str_trim(text).len > 0)
            status = take_line(import, text);
    }
    free(line);
    return status == EXIT_OK ? send_chunk(import) : status;
}

int stream_import_run(struct invocation *invocation)
{
    struct import import = {.invocation = invocation, .file = stdin};
    const char *name = invocation->arguments_count > 0 ? invocation->arguments[0] : "-";
    int status, printed;

    if (strcmp(name, "-") != 0)
        import.file = fopen(name, "re");
    if (!import.file)
        return ask_usage(invocation, "can not read '%s': %s", name, strerror(errno));
    buf_init(&import.body, BODY_BYTES_MAX);
    status = take_lines(&import);
    printed = output_rows(invocation, imported_members, &import.done);
    buf_release(&import.body);
    rows_release(&import.done);
    if (import.file != stdin)
        fclose(import.file);
    return status == EXIT_OK ? printed : status;
}
