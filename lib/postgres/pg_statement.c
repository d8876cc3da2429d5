/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "postgres/pg_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define uthash_fatal(message) abort()
#include <uthash.h>

struct pg_statement {
    const char *sql; /* the key is its address */
    char name[16];
    enum pg_statement_state state;
    UT_hash_handle hh;
};

struct pg_statement *pg_statement_get(struct pg_conn *conn, const char *sql)
{
    struct pg_statement *statement = NULL;

    HASH_FIND_PTR(conn->statements, &sql, statement);
    if (statement)
        return statement;

    statement = mem_zalloc(sizeof(*statement));
    statement->sql = sql;
    snprintf(statement->name, sizeof(statement->name), "s%u", ++conn->statements_named);
    HASH_ADD_PTR(conn->statements, sql, statement);
    return statement;
}

const char *pg_statement_name(const struct pg_statement *statement)
{
    return statement->name;
}

enum pg_statement_state pg_statement_state(const struct pg_statement *statement)
{
    return statement->state;
}

void pg_statement_set(struct pg_statement *statement, enum pg_statement_state state)
{
    statement->state = state;
}

void pg_statements_forget(struct pg_conn *conn)
{
    struct pg_statement *statement;
    struct pg_statement *next;

    HASH_ITER (hh, conn->statements, statement, next) {
        HASH_DEL(conn->statements, statement);
        mem_free(statement);
    }
    conn->statements_named = 0;
}
