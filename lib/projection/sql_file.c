/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/sql_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/error.h"
#include "base/name.h"
#include "projection/sql_file_internal.h"

static const char *const keys[] = {"name", "categories", "kind"};
enum { HEADER_NAME, HEADER_CATEGORIES, HEADER_KIND, HEADERS };

struct header {
    struct str value;
    int line; /* 0: not given */
};

struct reading {
    struct sql_parse parse;
    struct header headers[HEADERS];
    struct projection projection;
};

void sql_fault(struct sql_parse *parse, int line, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    buf_printf(parse->faults, "%s:%d: %s\n", parse->path, line, text);
}

/* Header. */

/* "Daily revenue: by day" is a remark, "note: by day" a key. */
static bool is_key(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.data[i] < 'a' || s.data[i] > 'z') && (s.data[i] != '-' || i == 0))
            return false;
    return s.len > 0;
}

static void take_header(struct reading *r, struct str key, struct str value, int line)
{
    for (size_t i = 0; i < HEADERS; i++) {
        if (!str_equal(key, str_of(keys[i])))
            continue;
        if (r->headers[i].line > 0)
            sql_fault(&r->parse, line, "'%s' is given twice, first in line %d", keys[i],
                      r->headers[i].line);
        else
            r->headers[i] = (struct header){value, line};
        return;
    }
    const char *near = nearest_word(key, keys, HEADERS);

    sql_fault(&r->parse, line,
              "the header has no key '" STR_FMT "'%s%s%s; its keys are name, categories, kind",
              STR_ARG(key), near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static void read_header(struct reading *r, struct str text)
{
    struct str rest = text;

    for (int line = 1; rest.len > 0; line++) {
        struct str remark = str_split(rest, '\n', &rest);
        size_t colon;

        if (remark.len > 0 && remark.data[remark.len - 1] == '\r')
            remark.len--;
        remark = str_trim(remark);
        if (remark.len == 0)
            continue;
        if (!str_starts_with(remark, STR("--")))
            return;
        remark = str_trim(str_from(remark.data + 2, remark.len - 2));
        colon = str_index(remark, ':');
        if (colon < remark.len && is_key(str_from(remark.data, colon)))
            take_header(r, str_from(remark.data, colon),
                        str_trim(str_from(remark.data + colon + 1, remark.len - colon - 1)), line);
    }
}

/* The last part of the path without ".sql". */
static struct str stem_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct str stem = str_of(slash ? slash + 1 : path);

    return stem.len > 4 ? str_from(stem.data, stem.len - 4) : stem;
}

static void check_name(struct reading *r, const struct projection *const *others)
{
    const struct header *header = &r->headers[HEADER_NAME];
    struct str stem = stem_of(r->parse.path);

    if (header->line == 0)
        return;
    if (!name_is_projection(header->value))
        sql_fault(&r->parse, header->line,
                  "a name is a small letter, then small letters and digits, at most 32: '" STR_FMT
                  "' is none",
                  STR_ARG(header->value));
    else if (!str_equal(header->value, stem))
        sql_fault(&r->parse, header->line,
                  "the name is '" STR_FMT "', but the file's is '" STR_FMT "': make them the same",
                  STR_ARG(header->value), STR_ARG(stem));
    for (; *others; others++)
        if (str_equal(header->value, str_of((*others)->name)))
            sql_fault(&r->parse, header->line,
                      "there is a projection '%s' already: choose another name", (*others)->name);
    r->projection.name = arena_cstr(r->parse.arena, header->value);
}

static bool is_given(const char *const *categories, size_t count, struct str category)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(category, str_of(categories[i])))
            return true;
    return false;
}

static void check_categories(struct reading *r)
{
    const struct header *header = &r->headers[HEADER_CATEGORIES];
    const char **categories =
        ARENA_ARRAY(r->parse.arena, const char *, (size_t)SQL_CATEGORIES_MAX + 1);
    struct str rest = header->value;
    size_t count = 0;

    r->projection.categories = categories;
    if (header->line == 0)
        return;
    do {
        struct str category = str_trim(str_split(rest, ',', &rest));

        if (!name_is_category(category) || name_is_reserved(category))
            sql_fault(&r->parse, header->line,
                      "'" STR_FMT "' is no category; give them as in: categories: order, stock",
                      STR_ARG(category));
        else if (is_given(categories, count, category))
            sql_fault(&r->parse, header->line, "category '" STR_FMT "' is given twice",
                      STR_ARG(category));
        else if (count < SQL_CATEGORIES_MAX)
            categories[count++] = arena_cstr(r->parse.arena, category);
        else
            sql_fault(&r->parse, header->line, "at most %d categories", (int)SQL_CATEGORIES_MAX);
    } while (rest.len > 0);
}

static bool check_kind(struct reading *r)
{
    const struct header *header = &r->headers[HEADER_KIND];
    bool by_stream = str_equal(header->value, STR("by stream"));

    if (header->line > 0 && !by_stream && !str_equal(header->value, STR("roll-up")))
        sql_fault(&r->parse, header->line,
                  "the kind is 'roll-up' (events of several streams change one row) or 'by stream' "
                  "(each row belongs to one stream), not '" STR_FMT "'",
                  STR_ARG(header->value));
    return by_stream;
}

static void check_header(struct reading *r, const struct projection *const *others)
{
    static const char *const examples[] = {"revenue", "order", "roll-up"};

    for (size_t i = 0; i < HEADERS; i++)
        if (r->headers[i].line == 0)
            sql_fault(&r->parse, 1, "the header lacks a line '-- %s: %s'", keys[i], examples[i]);
    check_name(r, others);
    check_categories(r);
}

/* The whole. */

/* What was refused is told already. */
static void check_statements(struct sql_parse *p)
{
    if (p->refused > 0)
        return;
    if (p->declarations_count == 0)
        sql_fault(p, p->scan.line, "there is no table: create table {table} (...) is missing");
    if (p->statements_count == 0)
        sql_fault(p, p->scan.line,
                  "there is no statement over the batch, as insert into {table} "
                  "select ... from {events} e");
    else if (!p->reads_events)
        sql_fault(p, p->scan.line, "no statement reads {events}: the table would stay empty");
}

/* What the built-in ones know of older versions of event types, this one knows too. */
static const struct upcaster *collect_upcasters(const struct projection *const *others,
                                                struct arena *arena)
{
    struct upcaster *all;
    size_t count = 0;

    for (size_t i = 0; others[i]; i++)
        for (const struct upcaster *u = others[i]->upcasters; u && u->category; u++)
            count++;
    all = ARENA_ARRAY(arena, struct upcaster, count + 1);
    count = 0;
    for (size_t i = 0; others[i]; i++) {
        bool is_new = others[i]->kind != PROJECTION_SQL;

        for (size_t k = 0; k < i; k++) /* projections of one domain share their table */
            is_new &= others[k]->upcasters != others[i]->upcasters;
        for (const struct upcaster *u = others[i]->upcasters; is_new && u && u->category; u++)
            all[count++] = *u;
    }
    return all;
}

static const struct projection *finish(struct reading *r, bool by_stream)
{
    struct projection *projection = ARENA_NEW(r->parse.arena, struct projection);
    struct projection_sql *sql = ARENA_NEW(r->parse.arena, struct projection_sql);
    const char **declarations =
        ARENA_ARRAY(r->parse.arena, const char *, r->parse.declarations_count + 1);
    const char **statements =
        ARENA_ARRAY(r->parse.arena, const char *, r->parse.statements_count + 1);

    memcpy(declarations, r->parse.declarations,
           r->parse.declarations_count * sizeof(*declarations));
    memcpy(statements, r->parse.statements, r->parse.statements_count * sizeof(*statements));
    *sql = (struct projection_sql){
        .by_stream = by_stream, .declarations = declarations, .statements = statements};
    *projection = r->projection;
    projection->kind = PROJECTION_SQL;
    projection->sql = sql;
    return projection;
}

static bool is_text(struct sql_parse *p, struct str text)
{
    size_t bad = 0;

    if (!str_is_utf8(text, &bad) || (bad = str_index(text, '\0')) < text.len) {
        int line = 1;

        for (size_t i = 0; i < bad && i < text.len; i++)
            line += text.data[i] == '\n';
        sql_fault(p, line, "a file is text in UTF-8, without NUL");
        return false;
    }
    return true;
}

bool sql_file_parse(const char *path, struct str text, const struct projection *const *others,
                    struct arena *arena, struct buf *faults, const struct projection **ret)
{
    struct reading r = {.parse = {.path = path, .arena = arena, .faults = faults}};
    size_t before = faults->len;
    bool by_stream;

    if (!is_text(&r.parse, text))
        return false;
    sql_scan_init(&r.parse.scan, text);
    read_header(&r, text);
    check_header(&r, others);
    by_stream = check_kind(&r);
    sql_statements_read(&r.parse);
    check_statements(&r.parse);
    if (faults->len > before)
        return false;
    r.projection.upcasters = collect_upcasters(others, arena);
    *ret = finish(&r, by_stream);
    return true;
}
