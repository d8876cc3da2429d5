/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a file's reading share: sql_file.c reads the header and the whole,
 * sql_statement.c one statement after another.
 *
 * Threads: as sql_file.h.
 */
#ifndef DAYBOOK_PROJECTION_SQL_FILE_INTERNAL_H
#define DAYBOOK_PROJECTION_SQL_FILE_INTERNAL_H
#include "projection/sql_file.h"
#include "projection/sql_scan.h"

struct sql_parse {
    const char *path;
    struct arena *arena;
    struct buf *faults;
    struct sql_scan scan; /* behind the last statement that was read */
    const char *declarations[SQL_DECLARATIONS_MAX + 1];
    size_t declarations_count;
    const char *statements[SQL_STATEMENTS_MAX + 1];
    size_t statements_count;
    size_t refused; /* statements that are in neither of them */
    bool reads_events;
};

void sql_fault(struct sql_parse *parse, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* All statements from the scan's place on. */
void sql_statements_read(struct sql_parse *parse);

#endif
