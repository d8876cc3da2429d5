/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of a request's head that libmicrohttpd leaves out: what frames the body, the limits,
 * and what of a target could be read in two ways.
 *
 * Whoever reads a message otherwise than the next in the chain can be made to take a part of one
 * request for another, so whatever is ambiguous is refused, even where RFC 9112 allows a repair.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_HTTP_HEAD_H
#define DAYBOOK_HTTP_HEAD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "http/server.h"

enum {
    HEAD_BYTES_MAX = 16 * 1024,
    HEAD_FIELDS_MAX = 100,
    TARGET_BYTES_MAX = 8 * 1024,
};

struct http_field {
    struct str name;
    struct str value;
};

struct http_head {
    struct str method;
    struct str version;
    struct str target;
    const struct http_field *fields;
    size_t fields_count;
    size_t bytes; /* of the whole head as received */
};

/* What the head says. */
struct http_head_facts {
    enum http_method method;
    struct str path;  /* raw */
    struct str query; /* raw, without '?' */
    bool chunked;
    uint64_t content_length; /* 0 when absent or chunked */
};

struct http_refusal {
    int status;
    const char *slug;   /* of docs/errors */
    const char *detail; /* a literal */
};

/* NULL: the head is fine and *ret_facts set. Else why not; *ret_facts then holds what was found. */
const struct http_refusal *http_head_check(const struct http_head *head,
                                           struct http_head_facts *ret_facts);

/* The method's name as sent to its value; false: none that we know. */
bool http_method_from(struct str name, enum http_method *ret_method);

/* The first value of a field, name in any case; data NULL: absent. *ret_count (may be NULL): how
 * many there are. */
struct str http_fields_find(const struct http_field *fields, size_t count, struct str name,
                            size_t *ret_count);

/*
 * Takes a target apart: origin form, absolute form of HOST (data NULL: no Host field), "*" for
 * OPTIONS; CONNECT's is a path as it stands. NULL: fine. In target.c.
 */
const struct http_refusal *http_target_split(struct str target, struct str method, struct str host,
                                             struct str *ret_path, struct str *ret_query);

#endif
