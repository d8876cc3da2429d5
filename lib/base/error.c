/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Length of S, cut to MAX bytes, but never inside a UTF-8 sequence. */
static size_t cut_len(const char *s, size_t max)
{
    size_t len = strnlen(s, max + 1);

    if (len <= max)
        return len;
    len = max;
    while (len > 0 && ((unsigned char)s[len] & 0xC0U) == 0x80U)
        len--;
    return len;
}

/* DEST may overlap with S. */
static void copy_cut(char *dest, size_t dest_bytes, const char *s)
{
    size_t len = cut_len(s, dest_bytes - 1);

    memmove(dest, s, len);
    dest[len] = '\0';
}

static void format(char *out, size_t out_bytes, const char *fmt, va_list args) PRINTF_LIKE(3, 0);
static void format(char *out, size_t out_bytes, const char *fmt, va_list args)
{
    if (vsnprintf(out, out_bytes, fmt, args) < 0)
        copy_cut(out, out_bytes,
                 fmt); /* an encoding error: the bare format says more than nothing */
}

bool error_set_at(struct error *err, const char *file, int line, enum error_class class,
                  const char *code, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX + 1]; /* one more than is kept, so that copy_cut sees a cut */
    char new_code[ERROR_CODE_MAX + 1];
    va_list args;

    assert(err != NULL);
    assert(class != ERROR_NONE);

    /* The arguments may point into ERR: everything is formatted before anything is stored. */
    va_start(args, fmt);
    format(text, sizeof(text), fmt, args);
    va_end(args);
    copy_cut(new_code, sizeof(new_code), code ? code : "");

    error_clear(err);
    err->class = class;
    copy_cut(err->code, sizeof(err->code), new_code);
    copy_cut(err->text, sizeof(err->text), text);
    err->file = file;
    err->line = line;
    return false;
}

bool error_wrap(struct error *err, const char *fmt, ...)
{
    char text[2 * ERROR_TEXT_MAX + 2];
    va_list args;
    size_t len;

    assert(err != NULL);
    assert(err->class != ERROR_NONE);

    va_start(args, fmt);
    format(text, ERROR_TEXT_MAX + 1, fmt, args);
    va_end(args);

    len = cut_len(text, ERROR_TEXT_MAX - 1);
    memcpy(text + len, ": ", 2);
    copy_cut(text + len + 2, sizeof(text) - len - 2, err->text);
    copy_cut(err->text, sizeof(err->text), text);
    return false;
}

bool error_hint(struct error *err, const char *fmt, ...)
{
    char hint[ERROR_HINT_MAX + 1];
    va_list args;

    assert(err != NULL);

    va_start(args, fmt);
    format(hint, sizeof(hint), fmt, args);
    va_end(args);
    copy_cut(err->hint, sizeof(err->hint), hint);
    return false;
}

void error_clear(struct error *err)
{
    *err = (struct error){0};
}

const char *error_class_name(enum error_class class)
{
    switch (class) {
    case ERROR_NONE:
        return "none";
    case ERROR_TRANSIENT:
        return "transient";
    case ERROR_POISON:
        return "poison";
    case ERROR_REFUSED:
        return "refused";
    case ERROR_FENCED:
        return "fenced";
    case ERROR_FATAL:
        return "fatal";
    }
    return "unknown";
}
