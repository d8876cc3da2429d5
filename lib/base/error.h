/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to report an error: a function returns false and fills the caller's struct error.
 *
 * The class says what the caller may do; it is decided once, where the fault is seen (lib/postgres,
 * lib/kafka, a decider, a parser). Nobody above looks at texts. Results that are not failures
 * (a rejected command, a missing row) are enums or counts, not errors.
 *
 * Threads: a struct error belongs to its caller's stack.
 */
#ifndef DAYBOOK_BASE_ERROR_H
#define DAYBOOK_BASE_ERROR_H
#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

enum error_class {
    ERROR_NONE,
    ERROR_TRANSIENT, /* may pass by itself: retry with backoff, never a dead letter */
    ERROR_POISON,    /* this input can not be processed: park it */
    ERROR_REFUSED,   /* the caller asked for what is not allowed: answer it (4xx, usage) */
    ERROR_FENCED,    /* somebody else owns this now: give it up */
    ERROR_FATAL,     /* a bug or a broken installation: stop and say so */
};

enum {
    ERROR_CODE_MAX = 48,
    ERROR_TEXT_MAX = 512,
    ERROR_HINT_MAX = 256,
};

struct error {
    enum error_class class;
    bool outcome_unknown;      /* what was asked may have happened (connection lost in COMMIT) */
    char code[ERROR_CODE_MAX]; /* a slug of docs/errors, or "" */
    char sqlstate[6];          /* of PostgreSQL, or "" */
    char text[ERROR_TEXT_MAX]; /* outermost context first; lower case, no full stop */
    char hint[ERROR_HINT_MAX]; /* a sentence a person can act on, or "" */
    const char *file;
    int line;
};

/* Sets class, code and text, clears the rest; always returns false. Arguments may point into ERR.
 */
#define error_set(err, class, code, ...) \
    error_set_at((err), __FILE__, __LINE__, (class), (code), __VA_ARGS__)

bool error_set_at(struct error *err, const char *file, int line, enum error_class class,
                  const char *code, const char *fmt, ...) PRINTF_LIKE(6, 7);

/* Puts a context before the text ("context: text"); class and code stay; always returns false. */
bool error_wrap(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Sets the hint; always returns false. */
bool error_hint(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

void error_clear(struct error *err);

/* "transient", "poison", ... */
const char *error_class_name(enum error_class class);

#endif
