/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data on standard output, as -o says: table, tsv, json, ndjson, csv. Unless it is said: a table on
 * a terminal, tab-separated without a head elsewhere.
 *
 * JSON goes through byte for byte. In tables, TSV and CSV a value that is no scalar is its JSON.
 *
 * Threads: main.
 */
#ifndef DAYBOOK_CMD_DAYBOOK_OUTPUT_H
#define DAYBOOK_CMD_DAYBOOK_OUTPUT_H
#include <stddef.h>

#include "base/program.h"
#include "base/str.h"

struct buf;

struct rows {
    struct str *items; /* JSON objects, checked */
    size_t count;
    size_t capacity;
};

void rows_add(struct rows *rows, struct str item);
void rows_release(struct rows *rows);

/* The items of the array ARRAY. */
void rows_add_array(struct rows *rows, struct str array);

/* MEMBERS: the columns, ends with NULL. Gives the exit status. */
int output_rows(const struct invocation *invocation, const char *const *members,
                const struct rows *rows);

/* One object: as a table a line for each member, MEMBERS first, then what it has beside them. */
int output_object(const struct invocation *invocation, const char *const *members,
                  struct str object);

/* One row, for what a command did. */
int output_row(const struct invocation *invocation, const char *const *members, struct str object);

/* The next of rows that come one by one, printed at once: without a table's widths, JSON as a line.
 */
int output_next(const struct invocation *invocation, const char *const *members, struct str object,
                bool first);

/* Whether -o json was asked for, where a verb's JSON is another than its rows. */
bool output_is_json(const struct invocation *invocation);
int output_json(struct str json);

#endif
