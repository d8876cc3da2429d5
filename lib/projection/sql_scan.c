/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/sql_scan.h"

#include <stdbool.h>
#include <string.h>

void sql_scan_init(struct sql_scan *scan, struct str text)
{
    *scan = (struct sql_scan){.text = text, .line = 1};
}

/* The character AHEAD of the scan's place; NUL behind the end, which is no part of any token. */
static char peek(const struct sql_scan *scan, size_t ahead)
{
    return scan->at + ahead < scan->text.len ? scan->text.data[scan->at + ahead] : '\0';
}

static bool at_end(const struct sql_scan *scan)
{
    return scan->at >= scan->text.len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* As PostgreSQL has it: bytes above 127 are letters. */
static bool begins_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static void skip_line(struct sql_scan *scan)
{
    while (!at_end(scan) && peek(scan, 0) != '\n')
        scan->at++;
}

/* Comments nest. False: it does not end. */
static bool skip_comment(struct sql_scan *scan)
{
    size_t depth = 0;

    do {
        if (at_end(scan))
            return false;
        if (peek(scan, 0) == '/' && peek(scan, 1) == '*') {
            depth++;
            scan->at += 2;
        } else if (peek(scan, 0) == '*' && peek(scan, 1) == '/') {
            depth--;
            scan->at += 2;
        } else {
            scan->at++;
        }
    } while (depth > 0);
    return true;
}

/* A comment that does not end is a token of its own, so that it is told where it begins. */
static enum sql_token_kind scan_space(struct sql_scan *scan)
{
    size_t begin = scan->at;

    for (;;) {
        size_t here = scan->at;

        if (is_blank(peek(scan, 0))) {
            scan->at++;
        } else if (peek(scan, 0) == '-' && peek(scan, 1) == '-') {
            skip_line(scan);
        } else if (peek(scan, 0) != '/' || peek(scan, 1) != '*') {
            return SQL_SPACE;
        } else if (!skip_comment(scan)) {
            if (here == begin)
                return SQL_BROKEN;
            scan->at = here;
            return SQL_SPACE;
        }
    }
}

/* QUOTE doubled stands for itself; ESCAPES: so does what follows a backslash. */
static enum sql_token_kind scan_quoted(struct sql_scan *scan, char quote, bool escapes)
{
    scan->at++;
    for (; !at_end(scan); scan->at++) {
        if (escapes && peek(scan, 0) == '\\') {
            scan->at++;
        } else if (peek(scan, 0) == quote) {
            scan->at++;
            if (peek(scan, 0) != quote)
                return SQL_QUOTED;
        }
    }
    return SQL_BROKEN;
}

/* The length of $tag$ here; 0: there is none. */
static size_t dollar_tag(const struct sql_scan *scan)
{
    size_t len = 1;

    if (begins_word(peek(scan, len)))
        while (begins_word(peek(scan, len)) || is_digit(peek(scan, len)))
            len++;
    return peek(scan, len) == '$' ? len + 1 : 0;
}

static enum sql_token_kind scan_dollar(struct sql_scan *scan)
{
    size_t len = dollar_tag(scan);
    const char *tag = scan->text.data + scan->at;

    if (len == 0) {
        scan->at++;
        if (!is_digit(peek(scan, 0)))
            return SQL_OTHER;
        while (is_digit(peek(scan, 0)))
            scan->at++;
        return SQL_PARAMETER;
    }
    for (scan->at += len; scan->at + len <= scan->text.len; scan->at++) {
        if (memcmp(scan->text.data + scan->at, tag, len) != 0)
            continue;
        scan->at += len;
        return SQL_QUOTED;
    }
    scan->at = scan->text.len;
    return SQL_BROKEN;
}

static enum sql_token_kind scan_word(struct sql_scan *scan)
{
    size_t begin = scan->at;

    while (begins_word(peek(scan, 0)) || is_digit(peek(scan, 0)) || peek(scan, 0) == '$')
        scan->at++;
    if (scan->at == begin + 1 && (scan->text.data[begin] | 0x20) == 'e' && peek(scan, 0) == '\'')
        return scan_quoted(scan, '\'', true);
    return SQL_WORD;
}

static enum sql_token_kind scan_placeholder(struct sql_scan *scan)
{
    do
        scan->at++;
    while (begins_word(peek(scan, 0)));
    if (peek(scan, 0) != '}')
        return SQL_OTHER;
    scan->at++;
    return SQL_PLACEHOLDER;
}

static enum sql_token_kind scan_other(struct sql_scan *scan)
{
    bool is_number = is_digit(peek(scan, 0));

    do
        scan->at++;
    while (is_number && (is_digit(peek(scan, 0)) || peek(scan, 0) == '.'));
    return SQL_OTHER;
}

static enum sql_token_kind scan_token(struct sql_scan *scan)
{
    char c = peek(scan, 0);

    if (at_end(scan))
        return SQL_END;
    if (is_blank(c) || (c == '-' && peek(scan, 1) == '-') || (c == '/' && peek(scan, 1) == '*'))
        return scan_space(scan);
    if (c == '\'' || c == '"')
        return scan_quoted(scan, c, false);
    if (c == '$')
        return scan_dollar(scan);
    if (begins_word(c))
        return scan_word(scan);
    if (c == '{')
        return scan_placeholder(scan);
    if (c == ';') {
        scan->at++;
        return SQL_SEMICOLON;
    }
    return scan_other(scan);
}

struct sql_token sql_scan_next(struct sql_scan *scan)
{
    struct sql_token token = {.line = scan->line};
    size_t begin = scan->at;

    token.kind = scan_token(scan);
    if (scan->at > scan->text.len) /* a backslash was the last character */
        scan->at = scan->text.len;
    token.text = str_from(scan->text.data + begin, scan->at - begin);
    for (size_t i = 0; i < token.text.len; i++)
        scan->line += token.text.data[i] == '\n';
    return token;
}
