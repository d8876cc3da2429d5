/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_internal.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"

/* What every line keeps free for its end: ,"truncated":true} and the line feed. */
enum { END_BYTES = 32 };

struct line {
    char *data;
    size_t len;
    size_t max;
    enum log_format format;
    bool overflow; /* something did not fit since the last look */
};

static void add(struct line *line, const char *data, size_t len)
{
    if (line->overflow || len > line->max - line->len) {
        line->overflow = true;
        return;
    }
    memcpy(line->data + line->len, data, len);
    line->len += len;
}

static void add_cstr(struct line *line, const char *s)
{
    add(line, s, strlen(s));
}

static bool is_json(const struct line *line)
{
    return line->format == LOG_FORMAT_JSON;
}

/*
 * Characters that could forge a line, colour a terminal or reorder what it shows: C0 and C1
 * controls (U+009B opens escape sequences), line and paragraph separators, bidirectional overrides.
 */
static bool is_dangerous(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7F && code_point <= 0x9F) ||
           (code_point >= 0x2028 && code_point <= 0x202E) ||
           (code_point >= 0x2066 && code_point <= 0x2069);
}

/* One character of a quoted value, in at most 6 bytes; returns how many. */
static size_t escape(uint32_t code_point, struct str raw, char out[8])
{
    static const struct {
        char c;
        char letter;
    } shorts[] = {{'"', '"'}, {'\\', '\\'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}};

    for (size_t i = 0; i < sizeof(shorts) / sizeof(shorts[0]); i++) {
        if (code_point == (unsigned char)shorts[i].c) {
            out[0] = '\\';
            out[1] = shorts[i].letter;
            return 2;
        }
    }
    if (is_dangerous(code_point))
        return (size_t)snprintf(out, 8, "\\u%04x", (unsigned)(code_point & 0xFFFFU));
    memcpy(out, raw.data, raw.len);
    return raw.len;
}

/* Takes one character off *S; a byte that is not UTF-8 becomes U+FFFD. */
static struct str take_char(struct str *s, uint32_t *ret_code_point)
{
    size_t len = str_utf8_next(*s, ret_code_point);
    struct str raw = str_from(s->data, len);

    if (len == 0) {
        len = 1;
        raw = STR("\xEF\xBF\xBD");
        *ret_code_point = 0xFFFD;
    }
    *s = str_from(s->data + len, s->len - len);
    return raw;
}

static void add_quoted(struct line *line, struct str s)
{
    size_t written = 0;

    add_cstr(line, "\"");
    while (s.len > 0) {
        uint32_t code_point;
        struct str raw = take_char(&s, &code_point);
        char text[8];
        size_t len = escape(code_point, raw, text);

        if (written + len > LOG_VALUE_MAX) {
            add_cstr(line, "...");
            break;
        }
        add(line, text, len);
        written += len;
    }
    add_cstr(line, "\"");
}

/* Needs no quotes in logfmt: not empty, and nothing but what is plain in every reader. */
static bool is_bare(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];

        if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return s.len > 0 && s.len <= LOG_VALUE_MAX;
}

static void add_text(struct line *line, struct str s)
{
    if (!is_json(line) && is_bare(s))
        add(line, s.data, s.len);
    else
        add_quoted(line, s);
}

static void add_key(struct line *line, const char *key)
{
    if (is_json(line)) {
        add_cstr(line, line->len > 0 ? ",\"" : "{\"");
        add_cstr(line, key);
        add_cstr(line, "\":");
    } else {
        add_cstr(line, line->len > 0 ? " " : "");
        add_cstr(line, key);
        add_cstr(line, "=");
    }
}

static void add_pair(struct line *line, const char *key, struct str value)
{
    add_key(line, key);
    add_text(line, value);
}

static void add_number(struct line *line, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void add_number(struct line *line, const char *key, const char *fmt, ...)
{
    char text[64];
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    assert(len > 0 && len < (int)sizeof(text));

    add_key(line, key);
    add(line, text, (size_t)len);
}

static void add_f64(struct line *line, const char *key, double value)
{
    if (isfinite(value))
        add_number(line, key, "%.6g", value);
    else
        add_pair(line, key, isnan(value) ? STR("NaN") : value > 0 ? STR("+Inf") : STR("-Inf"));
}

static void add_error(struct line *line, const char *key, const struct error *err)
{
    char place[256];

    add_pair(line, key, str_of(err->text));
    add_pair(line, "error_class", str_of(error_class_name(err->class)));
    if (err->code[0] != '\0')
        add_pair(line, "error_code", str_of(err->code));
    if (err->sqlstate[0] != '\0')
        add_pair(line, "sqlstate", str_of(err->sqlstate));
    if (err->hint[0] != '\0')
        add_pair(line, "hint", str_of(err->hint));
    if (err->file != NULL) {
        snprintf(place, sizeof(place), "%s:%d", err->file, err->line);
        add_pair(line, "error_at", str_of(place));
    }
}

static void add_field(struct line *line, const struct log_field *field)
{
    switch (field->kind) {
    case LOG_FIELD_STR:
        add_pair(line, field->key, field->str);
        break;
    case LOG_FIELD_I64:
        add_number(line, field->key, "%lld", (long long)field->i64);
        break;
    case LOG_FIELD_F64:
        add_f64(line, field->key, field->f64);
        break;
    case LOG_FIELD_BOOL:
        add_key(line, field->key);
        add_cstr(line, field->i64 ? "true" : "false");
        break;
    case LOG_FIELD_ERROR:
        add_error(line, field->key, field->error);
        break;
    }
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_DEBUG:
        return "debug";
    case LOG_INFO:
        return "info";
    case LOG_WARN:
        return "warn";
    case LOG_ERROR:
        return "error";
    }
    return "unknown";
}

static void add_head(struct line *line, enum log_level level, int64_t wall_us, const char *sentence)
{
    char time[CLOCK_RFC3339_MAX];
    size_t len = clock_format_rfc3339(wall_us, time);

    add_pair(line, "time", str_from(time, len));
    add_pair(line, "level", str_of(level_name(level)));
    add_pair(line, "msg", str_of(sentence));
}

size_t log_format_line(char out[LOG_LINE_MAX], enum log_format format, enum log_level level,
                       int64_t wall_us, const char *sentence, const struct log_field *fields,
                       size_t count)
{
    struct line line = {.max = LOG_LINE_MAX - END_BYTES, .format = format};

    assert(format != LOG_FORMAT_AUTO);

    line.data = out;
    add_head(&line, level, wall_us, sentence);
    for (size_t i = 0; i < count && !line.overflow; i++) {
        size_t before = line.len;

        add_field(&line, &fields[i]);
        if (line.overflow)
            line.len = before;
    }
    line.max = LOG_LINE_MAX;
    if (line.overflow) {
        line.overflow = false;
        add_key(&line, "truncated");
        add_cstr(&line, "true");
    }
    add_cstr(&line, is_json(&line) ? "}\n" : "\n");
    return line.len;
}
