/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/sql_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "projection/sql_file_internal.h"

void sql_fault(struct sql_parse *parse, int line, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    buf_printf(parse->faults, "%s:%d: %s\n", parse->path, line, text);
}

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

static const struct projection *finish(struct sql_parse *p)
{
    struct projection *projection = ARENA_NEW(p->arena, struct projection);
    struct projection_sql *sql = ARENA_NEW(p->arena, struct projection_sql);
    const char **declarations = ARENA_ARRAY(p->arena, const char *, p->declarations_count + 1);
    const char **statements = ARENA_ARRAY(p->arena, const char *, p->statements_count + 1);

    memcpy(declarations, p->declarations, p->declarations_count * sizeof(*declarations));
    memcpy(statements, p->statements, p->statements_count * sizeof(*statements));
    *sql = (struct projection_sql){
        .by_stream = p->by_stream, .declarations = declarations, .statements = statements};
    *projection = p->projection;
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
    struct sql_parse p = {.path = path, .arena = arena, .faults = faults};
    size_t before = faults->len;

    if (!is_text(&p, text))
        return false;
    sql_scan_init(&p.scan, text);
    sql_header_read(&p, text, others);
    sql_statements_read(&p);
    check_statements(&p);
    if (faults->len > before)
        return false;
    p.projection.upcasters = collect_upcasters(others, arena);
    *ret = finish(&p);
    return true;
}
