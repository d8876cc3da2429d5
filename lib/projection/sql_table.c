/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/sql_table.h"

#include "base/buf.h"
#include "projection/sql_scan.h"

static const char events[] =
    "(select * from json_to_recordset($1::json) as events (\"position\" bigint, tenant text,"
    " stream text, category text, version bigint, id text, type text, data json, metadata json,"
    " occurred_at timestamptz, recorded_at timestamptz))";

bool sql_expand(const char *text, const char *table, struct buf *out)
{
    struct sql_scan scan;
    struct sql_token token;
    bool reads_events = false;

    sql_scan_init(&scan, str_of(text));
    while ((token = sql_scan_next(&scan)).kind != SQL_END) {
        if (token.kind != SQL_PLACEHOLDER)
            buf_add_str(out, token.text);
        else if (str_equal(token.text, STR("{table}")))
            buf_add_cstr(out, table);
        else
            buf_add_cstr(out, events);
        reads_events |= token.kind == SQL_PLACEHOLDER && !str_equal(token.text, STR("{table}"));
    }
    return reads_events;
}

void sql_write_create(const struct projection_sql *sql, const char *table, struct buf *out)
{
    for (const char *const *declaration = sql->declarations; *declaration; declaration++) {
        (void)sql_expand(*declaration, table, out);
        buf_add_cstr(out, ";\n");
    }
}

void sql_write_declaration(const struct projection *projection, struct buf *out)
{
    const struct projection_sql *sql = projection->sql;

    buf_add_cstr(out, sql->by_stream ? "SQL by stream of" : "SQL roll-up of");
    for (const char *const *category = projection->categories; *category; category++)
        buf_printf(out, " %s", *category);
    for (const char *const *declaration = sql->declarations; *declaration; declaration++)
        buf_printf(out, ";\n%s", *declaration);
    for (const char *const *statement = sql->statements; *statement; statement++)
        buf_printf(out, ";\n%s", *statement);
}

void sql_write_view(const char *view, const char *table, struct buf *out)
{
    buf_printf(out,
               "do $$ begin\n"
               "create or replace view %s as select * from %s;\n"
               "exception when invalid_table_definition then\n"
               "drop view %s;\n"
               "create view %s as select * from %s;\n"
               "end $$;\n",
               view, table, view, view, table);
}
