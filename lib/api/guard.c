/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without tokens the service listens on loopback only, and whoever is on this machine may ask. A
 * web page somewhere is not: its requests come with a foreign Host (DNS rebinding) or a foreign
 * Origin (cross-site requests), and are refused.
 */
#include "api/api_internal.h"

/* Cuts the port off "name:port", "[::1]:port". */
static struct str host_name(struct str host)
{
    size_t end = host.len;

    if (host.len > 0 && host.data[0] == '[') {
        size_t bracket = str_index(host, ']');
        return str_from(host.data, bracket < host.len ? bracket + 1 : host.len);
    }
    end = str_index(host, ':');
    return str_from(host.data, end);
}

static bool is_our_name(const struct api *api, struct str name)
{
    static const struct str names[] = {STR_INIT("localhost"), STR_INIT("127.0.0.1"),
                                       STR_INIT("[::1]")};
    struct str rest = str_of(api->config.hosts);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_equal_ignore_case(name, names[i]))
            return true;
    while (rest.len > 0) {
        struct str configured = str_trim(str_split(rest, ',', &rest));

        if (configured.len > 0 && str_equal_ignore_case(name, configured))
            return true;
    }
    return false;
}

static bool is_our_origin(const struct api *api, struct str origin)
{
    static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://")};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (str_starts_with(origin, schemes[i]))
            return is_our_name(api, host_name(str_from(origin.data + schemes[i].len,
                                                       origin.len - schemes[i].len)));
    return false; /* "null" and the rest */
}

bool guard_check(struct call *call)
{
    const struct api *api = call->api;
    struct str host = http_request_header(call->request, "Host", NULL);
    struct str origin = http_request_header(call->request, "Origin", NULL);

    if (!api->guards_loopback)
        return true;
    if (host.data != NULL && !is_our_name(api, host_name(host))) {
        call_problem(
            call, "forbidden", STR_NONE,
            "the Host name is none of ours: add it to http.hosts, or configure authentication");
        return false;
    }
    if (origin.data != NULL && !is_our_origin(api, origin)) {
        call_problem(call, "forbidden", STR_NONE, "requests of foreign web pages are refused");
        return false;
    }
    return true;
}
