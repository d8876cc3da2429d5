/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a projection's file: its lines of comment that are "-- key: value". */
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/name.h"
#include "projection/sql_file_internal.h"

static const char *const keys[] = {"name", "categories", "kind"};
enum { HEADER_NAME, HEADER_CATEGORIES, HEADER_KIND };

/* "Daily revenue: by day" is a remark, "note: by day" a key. */
static bool is_key(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.data[i] < 'a' || s.data[i] > 'z') && (s.data[i] != '-' || i == 0))
            return false;
    return s.len > 0;
}

static void take_header(struct sql_parse *p, struct str key, struct str value, int line)
{
    for (size_t i = 0; i < SQL_HEADERS; i++) {
        if (!str_equal(key, str_of(keys[i])))
            continue;
        if (p->headers[i].line > 0)
            sql_fault(p, line, "'%s' is given twice, first in line %d", keys[i],
                      p->headers[i].line);
        else
            p->headers[i] = (struct sql_header){value, line};
        return;
    }
    const char *near = nearest_word(key, keys, SQL_HEADERS);

    sql_fault(p, line,
              "the header has no key '" STR_FMT "'%s%s%s; its keys are name, categories, kind",
              STR_ARG(key), near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static void read_lines(struct sql_parse *p, struct str text)
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
            take_header(p, str_from(remark.data, colon),
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

static void check_name(struct sql_parse *p, const struct projection *const *others)
{
    const struct sql_header *header = &p->headers[HEADER_NAME];
    struct str stem = stem_of(p->path);

    if (header->line == 0)
        return;
    if (!name_is_projection(header->value))
        sql_fault(p, header->line,
                  "a name is a small letter, then small letters and digits, at most 32: '" STR_FMT
                  "' is none",
                  STR_ARG(header->value));
    else if (!str_equal(header->value, stem))
        sql_fault(p, header->line,
                  "the name is '" STR_FMT "', but the file's is '" STR_FMT "': make them the same",
                  STR_ARG(header->value), STR_ARG(stem));
    for (; *others; others++)
        if (str_equal(header->value, str_of((*others)->name)))
            sql_fault(p, header->line, "there is a projection '%s' already: choose another name",
                      (*others)->name);
    p->projection.name = arena_cstr(p->arena, header->value);
}

static bool is_given(const char *const *categories, size_t count, struct str category)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(category, str_of(categories[i])))
            return true;
    return false;
}

static void check_categories(struct sql_parse *p)
{
    const struct sql_header *header = &p->headers[HEADER_CATEGORIES];
    const char **categories = ARENA_ARRAY(p->arena, const char *, (size_t)SQL_CATEGORIES_MAX + 1);
    struct str rest = header->value;
    size_t count = 0;

    p->projection.categories = categories;
    if (header->line == 0)
        return;
    do {
        struct str category = str_trim(str_split(rest, ',', &rest));

        if (!name_is_category(category) || name_is_reserved(category))
            sql_fault(p, header->line,
                      "'" STR_FMT "' is no category; give them as in: categories: order, stock",
                      STR_ARG(category));
        else if (is_given(categories, count, category))
            sql_fault(p, header->line, "category '" STR_FMT "' is given twice", STR_ARG(category));
        else if (count < SQL_CATEGORIES_MAX)
            categories[count++] = arena_cstr(p->arena, category);
        else
            sql_fault(p, header->line, "at most %d categories", (int)SQL_CATEGORIES_MAX);
    } while (rest.len > 0);
}

static void check_kind(struct sql_parse *p)
{
    const struct sql_header *header = &p->headers[HEADER_KIND];
    bool by_stream = str_equal(header->value, STR("by stream"));

    if (header->line > 0 && !by_stream && !str_equal(header->value, STR("roll-up")))
        sql_fault(p, header->line,
                  "the kind is 'roll-up' (events of several streams change one row) or 'by stream' "
                  "(each row belongs to one stream), not '" STR_FMT "'",
                  STR_ARG(header->value));
    p->by_stream = by_stream;
}

static void check_header(struct sql_parse *p, const struct projection *const *others)
{
    static const char *const examples[] = {"revenue", "order", "roll-up"};

    for (size_t i = 0; i < SQL_HEADERS; i++)
        if (p->headers[i].line == 0)
            sql_fault(p, 1, "the header lacks a line '-- %s: %s'", keys[i], examples[i]);
    check_name(p, others);
    check_categories(p);
    check_kind(p);
}

void sql_header_read(struct sql_parse *p, struct str text, const struct projection *const *others)
{
    read_lines(p, text);
    check_header(p, others);
}
