/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which route a method and path mean. Patterns are compared segment by segment; a literal wins over
 * a {parameter}. Segments are percent-decoded one by one, so an encoded slash stays in its segment.
 *
 * Threads: made in main, read-only afterwards.
 */
#ifndef DAYBOOK_API_ROUTER_H
#define DAYBOOK_API_ROUTER_H
#include <stdbool.h>
#include <stddef.h>

#include "base/scope.h"
#include "base/str.h"
#include "http/server.h"

struct call;

typedef void (*route_fn)(struct call *call);

struct route {
    enum http_method method; /* HTTP_GET also takes HEAD */
    const char *pattern;
    route_fn serve;
    const void *spec; /* the handler's own: a command_route, list_route, ... */
    bool bulk;        /* takes the larger body */
    bool plumbing;    /* needs no database */
    /* Of a write: it takes If-Match and If-None-Match. One that does not refuses them, and tells
     * what to use instead; NULL: it has no condition. */
    bool takes_conditions;
    const char *instead_of_conditions;
};

enum { ROUTES_MAX = 256, PATH_PARAMETERS_MAX = 4 };

struct path_parameter {
    struct str name;
    struct str value; /* decoded */
};

struct path_match {
    const struct route *route; /* NULL: none for this method */
    struct path_parameter parameters[PATH_PARAMETERS_MAX];
    size_t count;
    unsigned methods; /* bits 1 << http_method of all routes with this path; 0: not found */
};

struct router;

struct router *router_new(void);
void router_free(struct router *router);
SCOPED_DEFINE(struct router *, router_free);
void router_add(struct router *router,
                const struct route *route); /* copies; PATTERN must live on */

/* False when a segment can not be decoded (then it is not found). PATH is raw, without the query.
 */
bool router_match(const struct router *router, enum http_method method, struct str path,
                  struct arena *arena, struct path_match *ret);

#endif
