/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements about letters: what a filter allows, as SQL with its parameters bound. Shared by
 * dead_letter.c (lists) and letter_request.c.
 *
 * Threads: owner only.
 */
#ifndef DAYBOOK_PROJECTION_LETTER_INTERNAL_H
#define DAYBOOK_PROJECTION_LETTER_INTERNAL_H
#include "base/buf.h"
#include "postgres/pg.h"
#include "projection/dead_letter.h"

struct letter_statement {
    struct buf sql;
    struct pg_params params;
    int params_count;
};

void letter_statement_init(struct letter_statement *s);
void letter_statement_release(struct letter_statement *s);

void letter_add_sql(struct letter_statement *s, const char *sql);
/* Binds a value and writes its number. */
void letter_add_i64(struct letter_statement *s, int64_t value);
void letter_add_str(struct letter_statement *s, struct str value);

/* " where ..." on dead_letters l. */
void letter_add_where(struct letter_statement *s, const struct letter_filter *filter);

MUST_CHECK bool letter_run(struct pg_conn *conn, struct letter_statement *s,
                           struct pg_rows **ret_rows, struct error *err);

/* What letter_read() reads, of dead_letters l and its parked key k; the join. */
extern const char letter_columns[];
extern const char letter_from[];
void letter_read(const struct pg_rows *rows, size_t row, struct arena *arena, struct letter *ret);
enum { LETTER_COLUMNS = 26 };

#endif
