/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybook/output.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"

#include <assert.h>
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_BYTES_MAX = 512 << 20, COLUMNS_MAX = 24, CELL_BYTES_MAX = 64 << 20 };

enum format { FORMAT_TABLE, FORMAT_TSV, FORMAT_JSON, FORMAT_NDJSON, FORMAT_CSV };

void rows_add(struct rows *rows, struct str item)
{
    rows->items = mem_grow(rows->items, &rows->capacity, rows->count + 1, sizeof *rows->items);
    rows->items[rows->count++] = item;
}

void rows_release(struct rows *rows)
{
    mem_free(rows->items);
    *rows = (struct rows){0};
}

void rows_add_array(struct rows *rows, struct str array)
{
    struct json_cursor cursor;
    struct str key;
    struct str item;

    if (!json_open(array, &cursor))
        return;
    while (json_next(&cursor, &key, &item))
        rows_add(rows, item);
}

static enum format format_of(const struct invocation *invocation)
{
    static const char *const names[] = {
        [FORMAT_TABLE] = "table",   [FORMAT_TSV] = "tsv", [FORMAT_JSON] = "json",
        [FORMAT_NDJSON] = "ndjson", [FORMAT_CSV] = "csv",
    };
    const char *name = invocation_option(invocation, "output");
    enum format format = FORMAT_TABLE;

    if (name == NULL)
        return isatty(STDOUT_FILENO) ? FORMAT_TABLE : FORMAT_TSV;
    while (strcmp(names[format], name) != 0) /* one of them: the parser has looked */
        format++;
    return format;
}

bool output_is_json(const struct invocation *invocation)
{
    return format_of(invocation) == FORMAT_JSON;
}

static int print(const struct buf *out)
{
    return !out->failed && program_print(buf_str(out)) ? EXIT_OK : EXIT_FAILED;
}

int output_json(struct str json)
{
    return program_print(json) && program_print(STR("\n")) ? EXIT_OK : EXIT_FAILED;
}

/* A member's text: strings without quotes, null as nothing. */
static void add_cell(struct buf *out, json_t *object, const char *member)
{
    json_t *value = json_object_get(object, member);

    if (value == NULL || json_is_null(value))
        return;
    if (json_is_string(value)) {
        buf_add(out, json_string_value(value), json_string_length(value));
        return;
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    buf_add_cstr(out, text != NULL ? text : "");
    free(text);
}

/* Tabs and ends of lines are the format's own, and a terminal must not obey what it is shown. */
static void add_escaped(struct buf *out, struct str cell)
{
    for (size_t i = 0; i < cell.len; i++) {
        char c = cell.data[i];

        if (c == '\t')
            buf_add_cstr(out, "\\t");
        else if (c == '\n')
            buf_add_cstr(out, "\\n");
        else if (c == '\\')
            buf_add_cstr(out, "\\\\");
        else if ((unsigned char)c < ' ' || c == 0x7f)
            buf_printf(out, "\\x%02x", (unsigned char)c);
        else
            buf_add_char(out, c);
    }
}

/* RFC 4180. */
static void add_csv(struct buf *out, struct str cell)
{
    bool quote = false;

    for (size_t i = 0; i < cell.len; i++)
        quote |= strchr(",\"\r\n", cell.data[i]) != NULL;
    if (!quote) {
        buf_add_str(out, cell);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.data[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, cell.data[i]);
    }
    buf_add_char(out, '"');
}

static void add_text_row(struct buf *out, enum format format, const char *const *members,
                         json_t *object)
{
    for (size_t i = 0; members[i] != NULL; i++) {
        SCOPED_VALUE(buf_release) struct buf cell = BUF_INIT(CELL_BYTES_MAX);

        if (i > 0)
            buf_add_char(out, format == FORMAT_CSV ? ',' : '\t');
        add_cell(&cell, object, members[i]);
        if (format == FORMAT_CSV)
            add_csv(out, buf_str(&cell));
        else
            add_escaped(out, buf_str(&cell));
    }
    buf_add_cstr(out, format == FORMAT_CSV ? "\r\n" : "\n");
}

static int print_text(const struct rows *rows, enum format format, const char *const *members)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(OUTPUT_BYTES_MAX);

    for (size_t i = 0; format == FORMAT_CSV && members[i] != NULL; i++)
        buf_printf(&out, "%s%s", i > 0 ? "," : "", members[i]);
    buf_add_cstr(&out, format == FORMAT_CSV ? "\r\n" : "");
    for (size_t i = 0; i < rows->count; i++) {
        SCOPED(json_decref)
        json_t *object = json_loadb(rows->items[i].data, rows->items[i].len, 0, NULL);

        add_text_row(&out, format, members, object);
    }
    return print(&out);
}

int output_next(const struct invocation *invocation, const char *const *members, struct str object,
                bool first)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(OUTPUT_BYTES_MAX);
    SCOPED(json_decref) json_t *parsed = NULL;
    enum format format = format_of(invocation);

    if (format == FORMAT_JSON || format == FORMAT_NDJSON) {
        buf_add_str(&out, object);
        buf_add_char(&out, '\n');
    } else {
        parsed = json_loadb(object.data, object.len, 0, NULL);
        for (size_t i = 0; first && format == FORMAT_CSV && members[i] != NULL; i++)
            buf_printf(&out, "%s%s", i > 0 ? "," : "", members[i]);
        buf_add_cstr(&out, first && format == FORMAT_CSV ? "\r\n" : "");
        add_text_row(&out, format == FORMAT_CSV ? FORMAT_CSV : FORMAT_TSV, members, parsed);
    }
    int status = print(&out);

    return fflush(stdout) == 0 ? status : EXIT_FAILED;
}

static int print_json(const struct rows *rows, bool lines)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(OUTPUT_BYTES_MAX);

    if (!lines)
        buf_add_char(&out, '[');
    for (size_t i = 0; i < rows->count; i++) {
        if (!lines && i > 0)
            buf_add_char(&out, ',');
        buf_add_str(&out, rows->items[i]);
        if (lines)
            buf_add_char(&out, '\n');
    }
    if (!lines)
        buf_add_cstr(&out, "]\n");
    return print(&out);
}

static void set_cell(struct libscols_line *line, size_t column, json_t *object, const char *member)
{
    SCOPED_VALUE(buf_release) struct buf raw = BUF_INIT(CELL_BYTES_MAX);
    SCOPED_VALUE(buf_release) struct buf cell = BUF_INIT(4 * (size_t)CELL_BYTES_MAX);

    add_cell(&raw, object, member);
    add_escaped(&cell, buf_str(&raw));
    buf_add_char(&cell, '\0');
    (void)scols_line_set_data(line, column, cell.data);
}

static bool is_number_column(const struct rows *rows, const char *member)
{
    bool is_number = false;

    for (size_t i = 0; i < rows->count && !is_number; i++) {
        SCOPED(json_decref)
        json_t *object = json_loadb(rows->items[i].data, rows->items[i].len, 0, NULL);

        is_number = json_is_integer(json_object_get(object, member));
    }
    return is_number;
}

/* "order_id" -> "ORDER ID" */
static void add_column(struct libscols_table *table, const char *member, bool right)
{
    SCOPED_VALUE(buf_release) struct buf title = BUF_INIT(256);

    for (; *member != '\0'; member++) {
        char c = *member == '_' ? ' ' : *member;

        buf_add_char(&title, c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
    }
    buf_add_char(&title, '\0');
    scols_table_new_column(table, title.data, 0, right ? SCOLS_FL_RIGHT : 0);
}

static int print_table(const struct rows *rows, const char *const *members)
{
    struct libscols_table *table = scols_new_table();

    if (table == NULL)
        return EXIT_FAILED;
    for (size_t i = 0; members[i] != NULL; i++)
        add_column(table, members[i], is_number_column(rows, members[i]));
    for (size_t i = 0; i < rows->count; i++) {
        SCOPED(json_decref)
        json_t *object = json_loadb(rows->items[i].data, rows->items[i].len, 0, NULL);
        struct libscols_line *line = scols_table_new_line(table, NULL);

        for (size_t column = 0; members[column] != NULL; column++)
            set_cell(line, column, object, members[column]);
    }
    bool ok = scols_print_table(table) == 0;
    scols_unref_table(table);
    return ok ? EXIT_OK : EXIT_FAILED;
}

int output_rows(const struct invocation *invocation, const char *const *members,
                const struct rows *rows)
{
    enum format format = format_of(invocation);

    switch (format) {
    case FORMAT_TABLE:
        return print_table(rows, members);
    case FORMAT_TSV:
    case FORMAT_CSV:
        return print_text(rows, format, members);
    case FORMAT_JSON:
        return print_json(rows, false);
    case FORMAT_NDJSON:
        return print_json(rows, true);
    }
    assert(false);
    return EXIT_FAILED;
}

int output_row(const struct invocation *invocation, const char *const *members, struct str object)
{
    struct rows rows = {.items = &object, .count = 1};

    return output_is_json(invocation) ? output_json(object)
                                      : output_rows(invocation, members, &rows);
}

static void add_member_row(struct rows *rows, struct buf *text, json_t *object, const char *member)
{
    SCOPED_VALUE(buf_release) struct buf cell = BUF_INIT(CELL_BYTES_MAX);
    size_t start = text->len;

    add_cell(&cell, object, member);
    buf_add_cstr(text, "{\"member\":");
    json_write_cstr(text, member);
    json_write_key(text, "value");
    json_write_str(text, buf_str(&cell));
    buf_add_char(text, '}');
    rows_add(rows, str_from(NULL, text->len - start)); /* placed when the text stands still */
}

static bool is_listed(const char *const *members, const char *name)
{
    for (; *members != NULL; members++)
        if (strcmp(*members, name) == 0)
            return true;
    return false;
}

static int print_members(const struct invocation *invocation, const char *const *members,
                         json_t *object)
{
    static const char *const columns[] = {"member", "value", NULL};
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(OUTPUT_BYTES_MAX);
    SCOPED_VALUE(rows_release) struct rows rows = {0};
    const char *key;
    json_t *value;
    size_t at = 0;

    for (size_t i = 0; members[i] != NULL; i++)
        if (json_object_get(object, members[i]) != NULL)
            add_member_row(&rows, &text, object, members[i]);
    json_object_foreach(object, key, value)
    {
        if (!is_listed(members, key))
            add_member_row(&rows, &text, object, key);
    }
    for (size_t i = 0; i < rows.count; i++) {
        rows.items[i].data = text.data + at;
        at += rows.items[i].len;
    }
    return output_rows(invocation, columns, &rows);
}

int output_object(const struct invocation *invocation, const char *const *members,
                  struct str object)
{
    enum format format = format_of(invocation);

    if (format != FORMAT_TABLE && format != FORMAT_TSV)
        return output_row(invocation, members, object);
    SCOPED(json_decref) json_t *parsed = json_loadb(object.data, object.len, 0, NULL);
    return print_members(invocation, members, parsed);
}
