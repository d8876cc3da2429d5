/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of a projection's file: where each ends and which it is. */
#include "base/arena.h"
#include "base/buf.h"
#include "projection/sql_file_internal.h"

/* One statement up to its semicolon. False: the text is at its end, or can not be read further. */
static bool read_statement(struct sql_parse *p, struct sql_statement *s)
{
    for (;;) {
        struct sql_token token = sql_scan_next(&p->scan);

        if (token.kind == SQL_BROKEN)
            sql_refuse(p, s, token.line, "this quote or comment does not end");
        if (token.kind == SQL_END || token.kind == SQL_SEMICOLON || token.kind == SQL_BROKEN) {
            sql_check_token(p, s, &token);
            return token.kind == SQL_SEMICOLON;
        }
        if (token.kind == SQL_SPACE) {
            if (s->text.len > 0)
                buf_add_char(&s->text, ' ');
            continue;
        }
        sql_check_token(p, s, &token);
        if (s->line == 0)
            s->line = token.line;
        if (s->head_count < SQL_HEAD_TOKENS)
            s->head[s->head_count++] = token;
        buf_add_str(&s->text, token.text);
        s->before = s->last;
        s->last = token;
    }
}

static const char *keep_text(struct sql_parse *p, const struct sql_statement *s)
{
    return arena_cstr(p->arena, str_trim(buf_str(&s->text)));
}

static void take_table(struct sql_parse *p, struct sql_statement *s)
{
    if (!sql_is_placeholder(&s->head[2], "{table}") || !sql_is_sign(&s->head[3], "("))
        sql_refuse(p, s, s->line,
                   "a declaration is: create table {table} (columns, primary key (...))");
    else if (p->declarations_count > 0)
        sql_refuse(p, s, s->line,
                   "one table, and before its indexes: the declaration is one table");
    else if (!s->has_primary_key)
        sql_refuse(p, s, s->line,
                   "the table needs a primary key: by it rows are found, compared and verified");
}

static void take_index(struct sql_parse *p, struct sql_statement *s)
{
    const struct sql_token *behind = &s->head[sql_is_word(&s->head[1], "unique") ? 3 : 2];

    if (!sql_is_word(behind, "on"))
        sql_refuse(p, s, s->line,
                   "an index has no name of its own: create index on {table} (columns)");
    else if (!sql_is_placeholder(behind + 1, "{table}"))
        sql_refuse(p, s, s->line, "an index must be on {table}: create index on {table} (columns)");
    else if (p->declarations_count == 0)
        sql_refuse(p, s, s->line,
                   "indexes stand behind the table: create table {table} (...) first");
    else if (p->declarations_count == SQL_DECLARATIONS_MAX)
        sql_fault(p, s->line, "at most %d indexes", (int)PROJECTION_INDEXES_MAX);
}

static void take_declaration(struct sql_parse *p, struct sql_statement *s)
{
    bool is_index = sql_is_word(&s->head[1], "index") ||
                    (sql_is_word(&s->head[1], "unique") && sql_is_word(&s->head[2], "index"));

    if (s->has_events)
        sql_refuse(p, s, s->line, "{events} is the batch; a declaration has none");
    else if (sql_is_word(&s->head[1], "table"))
        take_table(p, s);
    else if (is_index)
        take_index(p, s);
    else
        sql_refuse(p, s, s->line, "of what CREATE makes, only a table and its indexes may be here");
    if (!s->is_refused && p->declarations_count < SQL_DECLARATIONS_MAX)
        p->declarations[p->declarations_count++] = keep_text(p, s);
}

static void take_batch(struct sql_parse *p, struct sql_statement *s)
{
    if (!s->has_table)
        sql_refuse(
            p, s, s->line,
            "a statement must write to {table}: what it writes elsewhere would be written again "
            "by each rebuild");
    else if (p->statements_count == SQL_STATEMENTS_MAX)
        sql_refuse(p, s, s->line, "too many statements: at most 8 over a batch");
    p->reads_events |= s->has_events;
    if (!s->is_refused)
        p->statements[p->statements_count++] = keep_text(p, s);
}

static void take(struct sql_parse *p, struct sql_statement *s)
{
    static const char *const transactions[] = {"begin",    "start",   "commit",    "end",
                                               "rollback", "abort",   "savepoint", "release",
                                               "prepare",  "execute", "lock",      NULL};
    static const char *const batch[] = {"insert", "update", "delete", "with", "merge", NULL};

    if (s->is_refused) {
        p->reads_events |= s->has_events;
    } else if (sql_is_word(&s->head[0], "create")) {
        take_declaration(p, s);
    } else if (sql_is_one_of(&s->head[0], batch)) {
        take_batch(p, s);
    } else if (sql_is_one_of(&s->head[0], transactions)) {
        sql_refuse(p, s, s->line,
                   "'" STR_FMT "' has no place here: the statements run inside the batch's "
                   "transaction, which the engine begins and commits",
                   STR_ARG(s->head[0].text));
    } else {
        sql_refuse(p, s, s->line,
                   "'" STR_FMT "' may not be here; there are create table, create index, and over "
                   "each batch insert, update, delete, merge, with",
                   STR_ARG(s->head[0].text));
    }
}

void sql_statements_read(struct sql_parse *p)
{
    bool more = true;

    while (more) {
        struct sql_statement s = {.text = BUF_INIT(SQL_FILE_BYTES_MAX)};

        more = read_statement(p, &s);
        if (s.line > 0)
            take(p, &s);
        p->refused += s.is_refused;
        buf_release(&s.text);
    }
}
