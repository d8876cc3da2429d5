/* SPDX-License-Identifier: Apache-2.0 */
/* Every fault against a schema, collected in an arena. */
#include "base/json.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"

enum {
    FAULTS_MAX = 64,
    POINTER_MAX = 512, /* bytes; a longer one, of a name the client made up, is cut */
};

struct fault {
    struct str pointer;
    struct str message;
};

struct faults {
    struct arena *arena;
    const char *prefix; /* of the pointers to come */
    size_t count;       /* all of them, also those beyond what is kept */
    struct fault kept[FAULTS_MAX];
};

struct faults *faults_new(struct arena *arena)
{
    struct faults *faults = ARENA_NEW(arena, struct faults);

    faults->arena = arena;
    faults->prefix = "";
    return faults;
}

void faults_under(struct faults *faults, const char *prefix)
{
    faults->prefix = prefix;
}

/* Drops the rest of a UTF-8 character that the cut went through. */
static struct str whole_characters(struct str s)
{
    size_t bad;

    return str_is_utf8(s, &bad) ? s : str_from(s.data, bad);
}

void faults_add(struct faults *faults, const char *message, const char *pointer_fmt, ...)
{
    char pointer[POINTER_MAX + 1];
    struct str whole;
    va_list args;
    struct fault *fault;
    int len;

    if (faults->count++ >= FAULTS_MAX)
        return;
    fault = &faults->kept[faults->count - 1];

    va_start(args, pointer_fmt);
    len = vsnprintf(pointer, sizeof(pointer), pointer_fmt, args);
    va_end(args);
    assert(len >= 0);

    whole = whole_characters(str_of(pointer));
    fault->pointer = arena_printf(faults->arena, "%s" STR_FMT, faults->prefix, STR_ARG(whole));
    fault->message = arena_dup(faults->arena, str_of(message));
}

size_t faults_count(const struct faults *faults)
{
    return faults->count;
}

void faults_write(const struct faults *faults, struct buf *out)
{
    size_t kept = faults->count < FAULTS_MAX ? faults->count : FAULTS_MAX;

    buf_add_char(out, '[');
    for (size_t i = 0; i < kept; i++) {
        buf_add_str(out, i > 0 ? STR(",{") : STR("{"));
        json_write_key(out, "pointer");
        json_write_str(out, faults->kept[i].pointer);
        json_write_key(out, "message");
        json_write_str(out, faults->kept[i].message);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}
