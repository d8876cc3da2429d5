/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without tokens whoever reaches the address may ask. A web page somewhere may not: its requests
 * come with a foreign Host (DNS rebinding) or a foreign Origin (cross-site requests), and are
 * refused. On a public address the names are known only if http.hosts gives them.
 */
#include "api/api_internal.h"

/* Cuts the port off "name:port", "[::1]:port". */
static struct str host_name(struct str host)
{
    if (host.len > 0 && host.data[0] == '[') {
        size_t bracket = str_index(host, ']');
        return str_from(host.data, bracket < host.len ? bracket + 1 : host.len);
    }
    return str_from(host.data, str_index(host, ':'));
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

/* What is behind the scheme; data NULL: no web page's ("null", other schemes). */
static struct str origin_authority(struct str origin)
{
    static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://")};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (str_starts_with(origin, schemes[i]))
            return str_from(origin.data + schemes[i].len, origin.len - schemes[i].len);
    return STR_NONE;
}

/* Ours by name, or the page came from where the request goes to. */
static bool is_our_origin(const struct api *api, struct str origin, struct str host)
{
    struct str authority = origin_authority(origin);

    return authority.data != NULL &&
           (is_our_name(api, host_name(authority)) ||
            (!api->is_loopback && str_equal_ignore_case(authority, host)));
}

bool guard_check(struct call *call)
{
    const struct api *api = call->api;
    bool knows_names = api->is_loopback || api->config.hosts[0] != '\0';
    struct str host = http_request_header(call->request, "Host", NULL);
    struct str origin = http_request_header(call->request, "Origin", NULL);

    if (knows_names && host.data != NULL && !is_our_name(api, host_name(host))) {
        call_problem(call, "forbidden", STR_NONE,
                     "the Host name is none of ours: add it to http.hosts");
        return false;
    }
    if (origin.data != NULL && !is_our_origin(api, origin, host)) {
        call_problem(call, "forbidden", STR_NONE, "requests of foreign web pages are refused");
        return false;
    }
    return true;
}
