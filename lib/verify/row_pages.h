/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a generation of a projection that was brought as a file, page by page in the order of
 * its primary key, beside those of the temporary table that the log makes (shadow.h).
 *
 * Threads: the verifier's.
 */
#ifndef DAYBOOK_VERIFY_ROW_PAGES_H
#define DAYBOOK_VERIFY_ROW_PAGES_H
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "projection/table_keys.h"

struct arena;
struct pg_conn;
struct pg_rows;

struct row_pages {
    struct pg_conn *conn;
    const char *table;             /* the generation's */
    const struct table_keys *keys; /* the caller's */
    struct arena *page;            /* of what belongs to the page; the caller may use it too */
    struct arena *spare;
    struct str after[TABLE_KEYS_MAX]; /* where the page begins; none at first */
    struct str last[TABLE_KEYS_MAX];  /* where it ends */
    bool begun;
    bool is_last; /* the page has no end */
};

enum { ROW_LIVE, ROW_MADE, ROW_KEYS }; /* columns of what differs; the keys are the rest */

void row_pages_init(struct row_pages *pages, struct pg_conn *conn, const char *table,
                    const struct table_keys *keys);
void row_pages_release(struct row_pages *pages);

/*
 * The page's rows that differ, as JSON, NULL on the side that has none; *ret_count are the rows of
 * the generation. In the snapshot in which the temporary table was brought up.
 */
MUST_CHECK bool row_pages_compare(struct row_pages *pages, int64_t *ret_count,
                                  struct pg_rows **ret_rows, struct error *err);

/* To the page behind this one, which is not the last. */
void row_pages_go_on(struct row_pages *pages);

#endif
