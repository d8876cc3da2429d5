/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines: a constant sentence and typed fields. logfmt or JSON is the sink's business; one
 * write(2) a line, to standard error. Only programs, thread main loops and the API's request line
 * log above debug. Never payloads, never secrets.
 *
 *     log_info("projection resumed", LOG_STR("projection", name), LOG_I64("position", p));
 *
 * Threads: any. log_init before the first thread.
 */
#ifndef DAYBOOK_BASE_LOG_H
#define DAYBOOK_BASE_LOG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct error;

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

enum log_field_kind {
    LOG_FIELD_STR,
    LOG_FIELD_I64,
    LOG_FIELD_F64,
    LOG_FIELD_BOOL,
    LOG_FIELD_ERROR
};

struct log_field {
    const char *key;
    enum log_field_kind kind;
    struct str str;
    int64_t i64;
    double f64;
    const struct error *error;
};

#define LOG_STR(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_STR, .str = (v)})
#define LOG_CSTR(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_STR, .str = str_of(v)})
#define LOG_I64(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_I64, .i64 = (int64_t)(v)})
#define LOG_F64(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_F64, .f64 = (v)})
#define LOG_BOOL(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_BOOL, .i64 = (v)})
/* class, code, sqlstate, text, hint and place of an error */
#define LOG_ERR(e) ((struct log_field){.key = "error", .kind = LOG_FIELD_ERROR, .error = (e)})

void log_init(enum log_level level, enum log_format format);
void log_set_level(enum log_level level); /* at any time, from any thread */
bool log_enabled(enum log_level level);

void log_write(enum log_level level, const char *sentence, const struct log_field *fields,
               size_t count);

/* Ends the fields, so that a sentence alone is as good as one with fields. */
#define LOG_END ((struct log_field){0})
#define log_at_(level, sentence, ...) \
    do { \
        if (log_enabled(level)) \
            log_write((level), (sentence), (const struct log_field[]){__VA_ARGS__}, \
                      sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field) - \
                          1); \
    } while (0)
#define log_at(level, ...) log_at_(level, __VA_ARGS__, LOG_END)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

/*
 * Once per cause: says whether a repeated fault may be logged now: on a change of TEXT's hash, else
 * at most once in PERIOD_MS. *suppressed: how many were held back since the last one.
 */
struct log_gate {
    uint64_t last_hash;
    int64_t last_ms;
    unsigned held_back;
};
bool log_gate_open(struct log_gate *gate, struct str text, int64_t now_ms, int64_t period_ms,
                   unsigned *ret_held_back);

#endif
