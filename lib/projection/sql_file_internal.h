/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a file's reading share: sql_header.c reads the header, sql_statement.c one
 * statement after another, sql_rules.c judges each of their words, sql_file.c has the whole.
 *
 * Threads: as sql_file.h.
 */
#ifndef DAYBOOK_PROJECTION_SQL_FILE_INTERNAL_H
#define DAYBOOK_PROJECTION_SQL_FILE_INTERNAL_H
#include "base/buf.h"
#include "projection/sql_file.h"
#include "projection/sql_scan.h"

enum { SQL_HEADERS = 3 };

struct sql_header {
    struct str value;
    int line; /* 0: not given */
};

struct sql_parse {
    const char *path;
    struct arena *arena;
    struct buf *faults;
    struct sql_header headers[SQL_HEADERS];
    struct projection projection; /* as far as the header says */
    bool by_stream;
    struct sql_scan scan; /* behind the last statement that was read */
    const char *declarations[SQL_DECLARATIONS_MAX + 1];
    size_t declarations_count;
    const char *statements[SQL_STATEMENTS_MAX + 1];
    size_t statements_count;
    size_t refused; /* statements that are in neither of them */
    bool reads_events;
};

void sql_fault(struct sql_parse *parse, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The header of TEXT, which is the whole file. */
void sql_header_read(struct sql_parse *p, struct str text, const struct projection *const *others);

/* All statements from the scan's place on. */
void sql_statements_read(struct sql_parse *parse);

enum { SQL_HEAD_TOKENS = 5 };

/* A statement as far as it was read. */
struct sql_statement {
    struct buf text; /* without comments, blanks in a row made one */
    int line;        /* 0: nothing but blanks so far */
    struct sql_token head[SQL_HEAD_TOKENS];
    size_t head_count;
    struct sql_token last;   /* that is no blank */
    struct sql_token before; /* and the one before it */
    bool has_table;
    bool has_events;
    bool has_primary_key;
    bool is_refused;
};

/* Says why, and keeps the statement out. */
void sql_refuse(struct sql_parse *p, struct sql_statement *s, int line, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Whether the next token may stand there, END and SEMICOLON too; notes what it shows. */
void sql_check_token(struct sql_parse *p, struct sql_statement *s, const struct sql_token *token);

bool sql_is_word(const struct sql_token *token, const char *word);
bool sql_is_one_of(const struct sql_token *token, const char *const *words); /* ends with NULL */
bool sql_is_placeholder(const struct sql_token *token, const char *text);
bool sql_is_sign(const struct sql_token *token, const char *sign); /* one character */

#endif
