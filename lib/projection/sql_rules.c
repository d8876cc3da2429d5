/* SPDX-License-Identifier: Apache-2.0 */
/* What may not stand in a statement of a projection's file, wherever it stands. */
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "projection/sql_file_internal.h"

bool sql_is_word(const struct sql_token *token, const char *word)
{
    return token->kind == SQL_WORD && str_equal_ignore_case(token->text, str_of(word));
}

bool sql_is_one_of(const struct sql_token *token, const char *const *words)
{
    for (; *words; words++)
        if (sql_is_word(token, *words))
            return true;
    return false;
}

bool sql_is_placeholder(const struct sql_token *token, const char *text)
{
    return token->kind == SQL_PLACEHOLDER && str_equal(token->text, str_of(text));
}

bool sql_is_sign(const struct sql_token *token, const char *sign)
{
    return token->kind == SQL_OTHER && str_equal(token->text, str_of(sign));
}

void sql_refuse(struct sql_parse *p, struct sql_statement *s, int line, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    sql_fault(p, line, "%s", text);
    s->is_refused = true;
}

static void check_placeholder(struct sql_parse *p, struct sql_statement *s,
                              const struct sql_token *token)
{
    if (sql_is_placeholder(token, "{table}"))
        s->has_table = true;
    else if (sql_is_placeholder(token, "{events}"))
        s->has_events = true;
    else
        sql_refuse(p, s, token->line, STR_FMT " is not known; there are {table} and {events}",
                   STR_ARG(token->text));
}

/* {events} becomes a subquery, which needs a name. */
static void check_alias(struct sql_parse *p, struct sql_statement *s, const struct sql_token *next)
{
    static const char *const clauses[] = {
        "where", "group",     "order",   "on",     "join",  "cross",  "left",      "right",
        "inner", "full",      "limit",   "having", "union", "window", "returning", "offset",
        "fetch", "intersect", "natural", "except", "using", NULL};

    if (next->kind != SQL_WORD || sql_is_one_of(next, clauses))
        sql_refuse(p, s, s->last.line, "{events} needs an alias, as in: from {events} e");
}

/* A rebuild and verify run the statements again, and must come to the same rows. */
static void check_pure(struct sql_parse *p, struct sql_statement *s, const struct sql_token *token)
{
    static const char *const values[] = {"current_timestamp", "current_date",
                                         "current_time",      "localtimestamp",
                                         "localtime",         "serial",
                                         "bigserial",         "smallserial",
                                         "identity",          NULL};
    static const char *const functions[] = {"now",
                                            "clock_timestamp",
                                            "statement_timestamp",
                                            "transaction_timestamp",
                                            "timeofday",
                                            "random",
                                            "setseed",
                                            "gen_random_uuid",
                                            "nextval",
                                            "currval",
                                            "lastval",
                                            "setval",
                                            "txid_current",
                                            "pg_current_xact_id",
                                            NULL};
    bool is_call = sql_is_sign(token, "(") && sql_is_one_of(&s->last, functions);
    const struct sql_token *culprit = is_call ? &s->last : token;

    if (is_call || sql_is_one_of(token, values))
        sql_refuse(p, s, culprit->line,
                   "'" STR_FMT "' gives another value at each run, so a rebuild would make other "
                   "rows; use what the event has, as e.occurred_at or e.id",
                   STR_ARG(culprit->text));
}

/* The session is the engine's: its settings and locks are no matter of a statement's. */
static void check_session(struct sql_parse *p, struct sql_statement *s,
                          const struct sql_token *token)
{
    static const char *const functions[] = {"set_config", "pg_sleep", "pg_notify", "dblink_exec",
                                            NULL};

    if (sql_is_sign(token, "(") &&
        (sql_is_one_of(&s->last, functions) ||
         (s->last.kind == SQL_WORD && str_starts_with(s->last.text, STR("pg_advisory_")))))
        sql_refuse(p, s, s->last.line,
                   "'" STR_FMT "' reaches beyond the batch, whose transaction is the engine's",
                   STR_ARG(s->last.text));
}

/* "do update set" and "update set" of a merge have no table; "for update of" locks, writes none. */
static bool is_written(const struct sql_statement *s, const struct sql_token *token)
{
    static const char *const clauses[] = {"set", "of", "nowait", "skip", NULL};
    bool is_name = token->kind == SQL_WORD || token->kind == SQL_QUOTED;

    if (sql_is_sign(&s->before, "."))
        return false; /* a column that is called so */
    if (sql_is_word(&s->last, "from"))
        return sql_is_word(&s->before, "delete");
    if (sql_is_word(&s->last, "update"))
        return is_name && !sql_is_one_of(token, clauses);
    return sql_is_word(&s->last, "into");
}

/* Whatever else it wrote would be written again by each rebuild, and by verify. */
static void check_target(struct sql_parse *p, struct sql_statement *s,
                         const struct sql_token *token)
{
    if (is_written(s, token) &&
        (token->kind != SQL_PLACEHOLDER || sql_is_placeholder(token, "{events}")))
        sql_refuse(p, s, token->line,
                   "'" STR_FMT "' would be written to: a statement writes to {table} alone",
                   STR_ARG(token->text));
}

/*
 * Each generation has a table, and verify a temporary one: the names of their keys must not meet,
 * a temporary table has no foreign key, and one that is partitioned takes no rows by itself.
 */
static void check_declared(struct sql_parse *p, struct sql_statement *s,
                           const struct sql_token *token)
{
    static const char *const kinds[] = {"primary", "unique", "exclude", NULL};

    if (sql_is_one_of(token, kinds) && sql_is_word(&s->before, "constraint"))
        sql_refuse(p, s, token->line,
                   "a key has no name of its own: the next generation's would be the same; leave "
                   "'constraint' and the name out");
    else if (sql_is_word(token, "references"))
        sql_refuse(p, s, token->line,
                   "a foreign key may not be here: a read model follows the log alone");
    else if (sql_is_word(token, "by") && sql_is_word(&s->last, "partition"))
        sql_refuse(p, s, token->line, "the table can not be partitioned");
}

void sql_check_token(struct sql_parse *p, struct sql_statement *s, const struct sql_token *token)
{
    if (sql_is_placeholder(&s->last, "{events}"))
        check_alias(p, s, token);
    if (token->kind == SQL_PLACEHOLDER)
        check_placeholder(p, s, token);
    else if (token->kind == SQL_PARAMETER)
        sql_refuse(p, s, token->line, "parameters are the engine's; the batch is {events}");
    check_pure(p, s, token);
    check_session(p, s, token);
    s->has_primary_key |= sql_is_word(token, "key") && sql_is_word(&s->last, "primary");
    if (sql_is_word(&s->head[0], "create"))
        check_declared(p, s, token);
    else
        check_target(p, s, token);
}
