/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of one generation of a projection: rm_<projection>_<generation>, its DDL and every
 * statement on it, made from the declaration in fold.h.
 *
 * By stream: tenant, stream, version, then the declared columns; key (tenant, stream). Roll-up:
 * tenant, then the key columns, then the sums as numeric; key (tenant, key columns).
 *
 * Statements are prepared by the address of their text: free a table only after every connection
 * that used it.
 *
 * Threads: immutable once made.
 */
#ifndef DAYBOOK_PROJECTION_TABLE_H
#define DAYBOOK_PROJECTION_TABLE_H
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/scope.h"
#include "postgres/pg.h"
#include "projection/fold.h"

struct arena;
struct buf;

enum { TABLE_NAME_MAX = 63, TABLE_STATEMENTS_MAX = 8 };

struct table {
    const struct projection *projection;
    int generation;
    char name[TABLE_NAME_MAX + 1];
    /* What the table is made from, as text: another declaration needs another generation. */
    char *declaration;
    char *create; /* the table and its indexes, for pg_script() */
    /* $1 tenants text[], $2 streams text[]: the rows there are, as table_read_row() reads them. */
    char *load; /* by stream only */
    /* One array a column, in order. By stream: rows become what is given. Roll-up: sums are added;
     * the rows must come in key order. */
    char *upsert;
    char *copy; /* by stream only: COPY of all columns in table order, for pg_copy_in() */
    /* $1 tenant, $2 stream: the stream's version, then the row's columns, version and values NULL
     * where the table has no row, then whether versions of it are skipped, then the log's head;
     * nothing when there is no stream. */
    char *current; /* by stream only */
    /* SQL: what is run over each batch, with its events as $1, and a script that makes the view
     * rm_<projection> show this generation. Declaration and create are the only ones above. */
    struct {
        char *sql;
        bool reads_events; /* else it has no parameter */
    } apply[TABLE_STATEMENTS_MAX];
    size_t apply_count;
    char *view;
    char *columns; /* the selected columns, as table_read_row() reads them: "tenant, stream, ..." */
};

/* The declaration must be right (asserted): names, counts, types. */
struct table *table_new(const struct projection *projection, int generation);
void table_free(struct table *table);
SCOPED_DEFINE(struct table *, table_free);

/* What a table of it is made from, as text. The caller mem_free()s it. */
char *projection_declaration(const struct projection *projection);

/* How many columns `columns` has. */
int table_columns_count(const struct table *table);

/* The row at INDEX whose first column is FIRST. Strings borrow from ROWS. Without a version it does
 * not exist. A roll-up's values are its keys, then its sums (as str); its stream is empty. */
void table_read_row(const struct table *table, const struct pg_rows *rows, size_t index, int first,
                    struct row *ret_row);

/* Copies ROW's strings into ARENA. */
void row_keep(struct row *row, const struct projection *projection, struct arena *arena);

/* The declared column of that name, or the engine's own "stream" or "version" of a projection by
 * stream; NULL: there is none. */
const struct column *projection_column(const struct projection *projection, const char *name);

/* Whether the projection reads this category. */
bool projection_reads(const struct projection *projection, struct str category);

#endif
