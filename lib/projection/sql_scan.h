/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a PostgreSQL text, as far as one must know them to see where a statement ends and
 * what is quoted. With standard_conforming_strings on, as all sessions here have it.
 *
 * Threads: any; pure. Tokens borrow from the text.
 */
#ifndef DAYBOOK_PROJECTION_SQL_SCAN_H
#define DAYBOOK_PROJECTION_SQL_SCAN_H
#include "base/str.h"

struct sql_scan {
    struct str text;
    size_t at;
    int line; /* of the next token; from 1 on */
};

enum sql_token_kind {
    SQL_END,
    SQL_SPACE,       /* blanks and comments, all there are in a row */
    SQL_WORD,        /* keyword or name, not quoted */
    SQL_QUOTED,      /* string, quoted name, dollar quote */
    SQL_PLACEHOLDER, /* {name}; `text` with its braces */
    SQL_PARAMETER,   /* $1 */
    SQL_SEMICOLON,
    SQL_OTHER,  /* one character, or a number */
    SQL_BROKEN, /* a quote or comment that does not end: `text` is all from its beginning */
};

struct sql_token {
    enum sql_token_kind kind;
    struct str text;
    int line;
};

void sql_scan_init(struct sql_scan *scan, struct str text);
struct sql_token sql_scan_next(struct sql_scan *scan);

#endif
