/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON at the door and on the way out.
 *
 * json_check walks raw bytes before anything is allocated: well-formedness (RFC 8259, one value,
 * UTF-8), depth, number of values, string lengths, numbers that a double or an int64 cannot hold,
 * duplicate keys of one object left to the parser, \u0000. json_slices gives the raw bytes of an
 * object's members, so that event data passes through byte for byte (jansson cannot give them
 * back).
 *
 * jansson's own header may be used beside this one; json_setup() before the first thread.
 *
 * Threads: any; no state.
 */
#ifndef DAYBOOK_BASE_JSON_H
#define DAYBOOK_BASE_JSON_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scope.h"
#include "base/str.h"

struct arena;
struct buf;

struct json_limits {
    unsigned depth_max;      /* 32 */
    size_t values_max;       /* 10,000; 50,000 for bulk bodies */
    size_t string_bytes_max; /* 64 KiB */
};

void json_setup(void); /* seeds jansson's hash tables */

/*
 * Fails with ERROR_REFUSED and code malformed-json (text has the byte offset), json-limits, or
 * not-storable (NUL in a string).
 */
MUST_CHECK bool json_check(struct str text, struct json_limits limits, struct error *err);

/* json_check, then jansson; duplicate keys are not-storable. The caller json_decref()s. */
MUST_CHECK bool json_parse(struct str text, struct json_limits limits, json_t **ret_value,
                           struct error *err);

/* Parses what json_check let through once (event data of the log); ERROR_POISON otherwise. */
MUST_CHECK bool json_parse_stored(struct str text, json_t **ret_value, struct error *err);
SCOPED_DEFINE(json_t *, json_decref);

/* Walks the members of a checked object (or the items of a checked array) in order, without
 * allocating. KEY is the raw content between the quotes (escapes not undone). */
struct json_cursor {
    const char *at;
    const char *end;
    bool in_object;
    bool started;
};
bool json_open(struct str value, struct json_cursor *ret_cursor); /* object or array; else false */
bool json_next(struct json_cursor *cursor, struct str *ret_key, struct str *ret_raw);
bool json_member(struct str object, const char *key, struct str *ret_raw); /* plain-ASCII keys */

/* Writing. Appends the JSON string with quotes, escaping ", \, and controls; bytes else as they
 * are. */
void json_write_str(struct buf *out, struct str s);
void json_write_cstr(struct buf *out, const char *s);
void json_write_time(struct buf *out, int64_t wall_us); /* quoted RFC 3339 */
/* ,"key": with the comma unless the buffer ends in { or [ */
void json_write_key(struct buf *out, const char *key);
/* Key and value. A str with data NULL and a time of 0 are null. */
void json_add_str(struct buf *out, const char *key, struct str value);
void json_add_i64(struct buf *out, const char *key, int64_t value);
void json_add_bool(struct buf *out, const char *key, bool value);
void json_add_time(struct buf *out, const char *key, int64_t wall_us);

/*
 * Reading what the functions above wrote, as they wrote it, without allocating: members in the
 * order the caller asks for them, no blanks, strings of printable ASCII without escapes, integers.
 * False: it is written otherwise, which says nothing of its being right. The cursor is then of no
 * use: parse the text.
 */
struct json_written {
    const char *begin;
    const char *at;
    const char *end;
};
void json_written_open(struct json_written *written, struct str text);
bool json_written_take(struct json_written *written, struct str literal);
bool json_written_key(struct json_written *written, struct str key);
bool json_written_str(struct json_written *written, struct str key, struct str *ret); /* borrowed */
bool json_written_i64(struct json_written *written, struct str key, int64_t *ret);
bool json_written_ends(const struct json_written *written);

/* Every fault against a schema, with JSON pointers, all at once (bounded: the first 64). */
struct faults;
struct faults *faults_new(struct arena *arena);
void faults_add(struct faults *faults, const char *message, const char *pointer_fmt, ...)
    PRINTF_LIKE(3, 4);
/* Pointers added from here on are below PREFIX, which lives as long as the faults. "": below none.
 */
void faults_under(struct faults *faults, const char *prefix);
size_t faults_count(const struct faults *faults);
/* Writes [{"pointer": ..., "message": ...}, ...] */
void faults_write(const struct faults *faults, struct buf *out);

/*
 * Reading a parsed object against a schema: each get_* marks the member as known and adds a fault
 * if it is missing (unless optional), of the wrong type, or out of range. At the end
 * fields_done() adds a fault for every unknown member. PREFIX is the object's own pointer.
 */
struct fields {
    json_t *object;
    struct arena *arena;
    struct faults *faults;
    const char *prefix; /* "" for the root */
    const char *known[24];
    size_t known_count;
};
/* False (with a fault) if VALUE is no object. */
bool fields_open(struct fields *fields, json_t *value, const char *prefix, struct arena *arena,
                 struct faults *faults);
enum field_need { FIELD_REQUIRED, FIELD_OPTIONAL };
/* Each returns true if a valid value was stored in *ret. Optional and absent: false without a
 * fault. */
bool fields_str(struct fields *f, const char *key, enum field_need need, size_t len_max,
                struct str *ret);
bool fields_i64(struct fields *f, const char *key, enum field_need need, int64_t min, int64_t max,
                int64_t *ret);
bool fields_bool(struct fields *f, const char *key, enum field_need need, bool *ret);
bool fields_time(struct fields *f, const char *key, enum field_need need, int64_t *ret_wall_us);
bool fields_array(struct fields *f, const char *key, enum field_need need, size_t min, size_t max,
                  json_t **ret);
bool fields_any(struct fields *f, const char *key, enum field_need need, json_t **ret);
void fields_done(struct fields *f);

#endif
