/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request inside the API: who asks, under which ids, with what parameters, and the ways to
 * answer it. Lives in the request's arena; ends with exactly one answer.
 *
 * Threads: one owner at a time: the http thread, then the writer or a query thread it was given to,
 * and after the writer the http thread again.
 */
#ifndef DAYBOOK_API_CALL_H
#define DAYBOOK_API_CALL_H
#include <jansson.h>

#include "api/router.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "eventlog/event.h"
#include "http/server.h"

struct api;
struct arena;

enum { QUERY_PARAMETERS_MAX = 16, CALL_HEADERS_MAX = 20, CALL_BODY_MAX = 24 << 20 };

struct query_parameter {
    struct str name;
    struct str value;
    bool used;
};

struct call {
    struct api *api;
    struct http_request *request;
    struct arena *arena;
    const struct route *route;
    struct path_match path;
    struct str tenant;
    struct str credential; /* "" on loopback without tokens */
    struct origin origin;  /* all set */
    int64_t now_us;        /* wall, at arrival */
    struct query_parameter query[QUERY_PARAMETERS_MAX];
    size_t query_count;
    struct faults *faults;
    struct http_header headers[CALL_HEADERS_MAX]; /* of the answer */
    size_t headers_count;
    void *data;                    /* the handler's own */
    struct model_read *model_read; /* of a read model, see there */
};

/* On the http thread, for each request: makes the call, checks it, finds its route and serves it.
 */
void call_begin(void *api, struct http_request *request);

struct str call_path_parameter(const struct call *call,
                               const char *name); /* must be in the pattern */

/* Query parameters: each get marks it known; call_query_done adds a fault for every other. */

bool call_query_str(struct call *call, const char *name, struct str *ret); /* present */
void call_query_number(struct call *call, const char *name, int64_t min, int64_t max,
                       int64_t *value);
bool call_query_time(struct call *call, const char *name, int64_t *ret_wall_us); /* given, good */
/* One of CHOICES (ends with NULL); *index untouched when absent. */
void call_query_choice(struct call *call, const char *name, const char *const *choices,
                       size_t *index);
/* Answers 422 and returns false if there are faults. */
bool call_query_done(struct call *call);

/* Body. */

/* Parses a JSON body under the route's limits, or answers 400/415/422 and returns false. An absent
 * body is an empty object where OPTIONAL. The caller json_decref()s. */
bool call_body(struct call *call, bool optional, json_t **ret_body);

/* Takes "occurred_at" out of OBJECT: not in the future, by default now. Adds a fault at PREFIX. */
int64_t call_take_occurred_at(struct call *call, json_t *object, const char *prefix);

/* False, and 406 answered, unless the client takes TYPE ("application/json"). */
bool call_accepts(struct call *call, const char *type);
bool call_prefers(const struct call *call, const char *type); /* Accept names it outright */

/* Answers. */

void call_header(struct call *call, const char *name,
                 struct str value); /* VALUE lives in the arena */
void call_etag(struct call *call, struct version version);
struct str call_etag_of(struct arena *arena, struct version version); /* as the header has it */
void call_answer(struct call *call, int status, const char *content_type, struct str body);
/* The same with a body that lies in the call's arena. */
void call_answer_kept(struct call *call, int status, const char *content_type, struct str body);
void call_json(struct call *call, int status, const struct buf *body); /* 500 when it failed */
void call_no_body(struct call *call, int status);

/* What a problem says; strings live in the arena. */
struct problem {
    const char *slug;
    struct str detail;
    struct str members;          /* further ones, without braces; or empty */
    const struct faults *faults; /* or NULL */
};
void call_refuse(struct call *call, const struct problem *problem);
/* Of a failed read or write: the slug by the error's code and class; the text stays inside. */
struct problem call_problem_of(struct call *call, const struct error *err);

void call_problem(struct call *call, const char *slug, struct str members, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void call_faults(struct call *call); /* 422 validation-failed with all of them */
/* call_refuse() of call_problem_of(). */
void call_failed(struct call *call, const struct error *err);

/* If-None-Match on a read: answers 304 and returns true when it names VERSION. Sets the ETag. */
bool call_not_modified(struct call *call, struct version version);

#endif
