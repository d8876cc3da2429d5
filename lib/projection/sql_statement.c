/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of a projection's file: where each ends, which it is, and whether it may be there.
 */
#include "projection/sql_file_internal.h"

#include "base/arena.h"
#include "base/buf.h"

enum { HEAD_TOKENS = 4 };

struct statement {
    struct buf text; /* without comments, blanks in a row made one */
    int line;        /* 0: nothing but blanks so far */
    struct sql_token head[HEAD_TOKENS];
    size_t head_count;
    struct sql_token last;   /* that is no blank */
    struct sql_token before; /* and the one before it */
    bool has_table;
    bool has_events;
    bool has_primary_key;
    bool is_refused;
};

static bool is_word(const struct sql_token *token, const char *word)
{
    return token->kind == SQL_WORD && str_equal_ignore_case(token->text, str_of(word));
}

static bool is_one_of(const struct sql_token *token, const char *const *words)
{
    for (; *words; words++)
        if (is_word(token, *words))
            return true;
    return false;
}

static bool is_placeholder(const struct sql_token *token, const char *text)
{
    return token->kind == SQL_PLACEHOLDER && str_equal(token->text, str_of(text));
}

static bool is_paren(const struct sql_token *token)
{
    return token->kind == SQL_OTHER && str_equal(token->text, STR("("));
}

static void refuse(struct sql_parse *p, struct statement *s, int line, const char *text)
{
    sql_fault(p, line, "%s", text);
    s->is_refused = true;
}

/* What may not stand anywhere in a statement. */

static void check_placeholder(struct sql_parse *p, struct statement *s,
                              const struct sql_token *token)
{
    if (is_placeholder(token, "{table}")) {
        s->has_table = true;
    } else if (is_placeholder(token, "{events}")) {
        s->has_events = true;
    } else {
        sql_fault(p, token->line, STR_FMT " is not known; there are {table} and {events}",
                  STR_ARG(token->text));
        s->is_refused = true;
    }
}

/* {events} becomes a subquery, which needs a name. */
static void check_alias(struct sql_parse *p, struct statement *s, const struct sql_token *next)
{
    static const char *const clauses[] = {
        "where", "group",     "order",   "on",     "join",  "cross",  "left",      "right",
        "inner", "full",      "limit",   "having", "union", "window", "returning", "offset",
        "fetch", "intersect", "natural", "except", "using", NULL};

    if (next->kind != SQL_WORD || is_one_of(next, clauses))
        refuse(p, s, s->last.line, "{events} needs an alias, as in: from {events} e");
}

/* A rebuild and verify run the statements again, and must come to the same rows. */
static void check_pure(struct sql_parse *p, struct statement *s, const struct sql_token *token)
{
    static const char *const values[] = {"current_timestamp", "current_date",
                                         "current_time",      "localtimestamp",
                                         "localtime",         "serial",
                                         "bigserial",         "smallserial",
                                         "identity",          NULL};
    static const char *const functions[] = {
        "now",       "clock_timestamp", "statement_timestamp", "transaction_timestamp",
        "timeofday", "random",          "gen_random_uuid",     "nextval",
        NULL};
    bool is_call = is_paren(token) && is_one_of(&s->last, functions);
    const struct sql_token *culprit = is_call ? &s->last : token;

    if (!is_call && !is_one_of(token, values))
        return;
    sql_fault(p, culprit->line,
              "'" STR_FMT "' gives another value at each run, so a rebuild would make other rows; "
              "use what the event has, as e.occurred_at or e.id",
              STR_ARG(culprit->text));
    s->is_refused = true;
}

/* Each generation has a table; the names of their indexes must not meet. */
static void check_key_name(struct sql_parse *p, struct statement *s, const struct sql_token *token)
{
    static const char *const kinds[] = {"primary", "unique", "exclude", NULL};

    if (is_one_of(token, kinds) && is_word(&s->before, "constraint"))
        refuse(p, s, token->line,
               "a key has no name of its own: the next generation's would be the same; leave "
               "'constraint' and the name out");
}

static void check_token(struct sql_parse *p, struct statement *s, const struct sql_token *token)
{
    if (is_placeholder(&s->last, "{events}"))
        check_alias(p, s, token);
    if (token->kind == SQL_PLACEHOLDER)
        check_placeholder(p, s, token);
    else if (token->kind == SQL_PARAMETER)
        refuse(p, s, token->line, "parameters are the engine's; the batch is {events}");
    else if (token->kind == SQL_WORD || is_paren(token))
        check_pure(p, s, token);
    s->has_primary_key |= is_word(token, "key") && is_word(&s->last, "primary");
    check_key_name(p, s, token);
}

/* One statement up to its semicolon. False: the text is at its end, or can not be read further. */
static bool read_statement(struct sql_parse *p, struct statement *s)
{
    for (;;) {
        struct sql_token token = sql_scan_next(&p->scan);

        if (token.kind == SQL_BROKEN)
            refuse(p, s, token.line, "this quote or comment does not end");
        if (token.kind == SQL_END || token.kind == SQL_SEMICOLON || token.kind == SQL_BROKEN) {
            if (is_placeholder(&s->last, "{events}"))
                check_alias(p, s, &token);
            return token.kind == SQL_SEMICOLON;
        }
        if (token.kind == SQL_SPACE) {
            if (s->text.len > 0)
                buf_add_char(&s->text, ' ');
            continue;
        }
        check_token(p, s, &token);
        if (s->line == 0)
            s->line = token.line;
        if (s->head_count < HEAD_TOKENS)
            s->head[s->head_count++] = token;
        buf_add_str(&s->text, token.text);
        s->before = s->last;
        s->last = token;
    }
}

/* Which statement it is. */

static const char *keep_text(struct sql_parse *p, const struct statement *s)
{
    return arena_cstr(p->arena, str_trim(buf_str(&s->text)));
}

static void take_table(struct sql_parse *p, struct statement *s)
{
    if (!is_placeholder(&s->head[2], "{table}") || !is_paren(&s->head[3]))
        refuse(p, s, s->line,
               "a declaration is: create table {table} (columns, primary key (...))");
    else if (p->declarations_count > 0)
        refuse(p, s, s->line, "one table, and before its indexes: the declaration is one table");
    else if (!s->has_primary_key)
        refuse(p, s, s->line,
               "the table needs a primary key: by it rows are found, compared and verified");
}

static void take_index(struct sql_parse *p, struct statement *s)
{
    const struct sql_token *behind = &s->head[is_word(&s->head[1], "unique") ? 3 : 2];

    if (!is_word(behind, "on"))
        refuse(p, s, s->line, "an index has no name of its own: create index on {table} (columns)");
    else if (!s->has_table)
        refuse(p, s, s->line, "an index must be on {table}: create index on {table} (columns)");
    else if (p->declarations_count == 0)
        refuse(p, s, s->line, "indexes stand behind the table: create table {table} (...) first");
    else if (p->declarations_count == SQL_DECLARATIONS_MAX)
        sql_fault(p, s->line, "at most %d indexes", (int)PROJECTION_INDEXES_MAX);
}

static void take_declaration(struct sql_parse *p, struct statement *s)
{
    bool is_index = is_word(&s->head[1], "index") ||
                    (is_word(&s->head[1], "unique") && is_word(&s->head[2], "index"));

    if (s->has_events)
        refuse(p, s, s->line, "{events} is the batch; a declaration has none");
    else if (is_word(&s->head[1], "table"))
        take_table(p, s);
    else if (is_index)
        take_index(p, s);
    else
        refuse(p, s, s->line, "of what CREATE makes, only a table and its indexes may be here");
    if (!s->is_refused && p->declarations_count < SQL_DECLARATIONS_MAX)
        p->declarations[p->declarations_count++] = keep_text(p, s);
}

static void take_batch(struct sql_parse *p, struct statement *s)
{
    if (!s->has_table)
        refuse(p, s, s->line,
               "a statement must write to {table}: what it writes elsewhere would be written again "
               "by each rebuild");
    else if (p->statements_count == SQL_STATEMENTS_MAX)
        refuse(p, s, s->line, "too many statements: at most 8 over a batch");
    p->reads_events |= s->has_events;
    if (!s->is_refused)
        p->statements[p->statements_count++] = keep_text(p, s);
}

static void take(struct sql_parse *p, struct statement *s)
{
    static const char *const transactions[] = {"begin",    "start",   "commit",    "end",
                                               "rollback", "abort",   "savepoint", "release",
                                               "prepare",  "execute", "lock",      NULL};
    static const char *const batch[] = {"insert", "update", "delete", "with", "merge", NULL};

    if (s->is_refused) {
        p->reads_events |= s->has_events;
    } else if (is_word(&s->head[0], "create")) {
        take_declaration(p, s);
    } else if (is_one_of(&s->head[0], batch)) {
        take_batch(p, s);
    } else if (is_one_of(&s->head[0], transactions)) {
        sql_fault(p, s->line,
                  "'" STR_FMT "' has no place here: the statements run inside the batch's "
                  "transaction, which the engine begins and commits",
                  STR_ARG(s->head[0].text));
        s->is_refused = true;
    } else {
        sql_fault(p, s->line,
                  "'" STR_FMT "' may not be here; there are create table, create index, and over "
                  "each batch insert, update, delete, merge, with",
                  STR_ARG(s->head[0].text));
        s->is_refused = true;
    }
}

void sql_statements_read(struct sql_parse *p)
{
    bool more = true;

    while (more) {
        struct statement s = {.text = BUF_INIT(SQL_FILE_BYTES_MAX)};

        more = read_statement(p, &s);
        if (s.line > 0)
            take(p, &s);
        p->refused += s.is_refused;
        buf_release(&s.text);
    }
}
