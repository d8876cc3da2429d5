/* SPDX-License-Identifier: Apache-2.0 */
#include "api/router.h"

#include "base/mem.h"

#include <assert.h>

enum { SEGMENTS_MAX = 8 };

struct compiled {
    struct route route;
    struct str segments[SEGMENTS_MAX];
    size_t count;
    size_t literals; /* how specific it is */
};

struct router {
    struct compiled routes[ROUTES_MAX];
    size_t count;
};

struct router *router_new(void)
{
    return mem_zalloc(sizeof(struct router));
}

void router_free(struct router *router)
{
    mem_free(router);
}

static bool is_parameter(struct str segment)
{
    return segment.len > 2 && segment.data[0] == '{';
}

/* Cuts "/a/b" into its segments; false when there are too many. */
static bool split(struct str path, struct str segments[SEGMENTS_MAX], size_t *ret_count)
{
    *ret_count = 0;
    if (path.len == 0 || path.data[0] != '/')
        return false;
    struct str rest = str_from(path.data + 1, path.len - 1);
    for (;;) {
        size_t slash = str_index(rest, '/');

        if (*ret_count == SEGMENTS_MAX)
            return false;
        segments[(*ret_count)++] = str_from(rest.data, slash);
        if (slash == rest.len)
            return true;
        rest = str_from(rest.data + slash + 1, rest.len - slash - 1);
    }
}

void router_add(struct router *router, const struct route *route)
{
    assert(router->count < ROUTES_MAX);
    struct compiled *compiled = &router->routes[router->count++];
    bool fits = split(str_of(route->pattern), compiled->segments, &compiled->count);

    assert(fits);
    (void)fits;
    compiled->route = *route;
    for (size_t i = 0; i < compiled->count; i++)
        if (!is_parameter(compiled->segments[i]))
            compiled->literals++;
}

static bool matches(const struct compiled *compiled, const struct str *segments, size_t count)
{
    if (compiled->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (is_parameter(compiled->segments[i]) ? segments[i].len == 0
                                                : !str_equal(compiled->segments[i], segments[i]))
            return false;
    return true;
}

static void take_parameters(const struct compiled *compiled, const struct str *segments,
                            struct path_match *match)
{
    match->count = 0;
    for (size_t i = 0; i < compiled->count; i++) {
        struct str name = compiled->segments[i];

        if (!is_parameter(name))
            continue;
        assert(match->count < PATH_PARAMETERS_MAX);
        match->parameters[match->count++] = (struct path_parameter){
            .name = str_from(name.data + 1, name.len - 2), .value = segments[i]};
    }
}

bool router_match(const struct router *router, enum http_method method, struct str path,
                  struct arena *arena, struct path_match *ret)
{
    struct str segments[SEGMENTS_MAX];
    size_t count;
    size_t best = 0;
    enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;

    *ret = (struct path_match){0};
    if (!split(path, segments, &count))
        return true;
    for (size_t i = 0; i < count; i++)
        if (!http_unescape(arena, segments[i], false, &segments[i]))
            return false;
    for (size_t i = 0; i < router->count; i++) {
        const struct compiled *compiled = &router->routes[i];

        if (!matches(compiled, segments, count))
            continue;
        ret->methods |= 1u << compiled->route.method;
        if (compiled->route.method == wanted && compiled->literals >= best) {
            best = compiled->literals;
            ret->route = &compiled->route;
            take_parameters(compiled, segments, ret);
        }
    }
    return true;
}
