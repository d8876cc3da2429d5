/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/api/api_fixture.h"

#include "api/problem.h"
#include "base/arena.h"
#include "http/address.h"

#include <check.h>
#include <string.h>

static size_t body_max(void *arg, const struct http_request *request)
{
    (void)arg;
    (void)request;
    return 64 << 10;
}

static void refuse(void *arg, const struct http_request *request, int status, const char *slug,
                   const char *detail, struct buf *out_body)
{
    (void)arg;
    (void)request;
    (void)status;
    problem_write(out_body, problem_type_get(slug), str_of(detail), STR(""), NULL, STR_NONE);
}

void api_fixture_start(struct api_fixture *fixture, const char *listen, const char *hosts,
                       const struct route *routes, size_t routes_count)
{
    struct http_config config = {
        .listen = listen,
        .threads = 1,
        .connections_max = 16,
        .connections_per_address_max = 16,
        .header_timeout_ms = 10000,
        .idle_timeout_ms = 10000,
        .body_rate_min = 1,
        .handler = call_begin,
        .body_max = body_max,
        .refuse = refuse,
        .arg = &fixture->api,
    };
    struct error err;

    *fixture = (struct api_fixture){.api = {.arena = arena_new(0),
                                            .config = {.hosts = hosts, .instance = "test"},
                                            .router = router_new(),
                                            .is_loopback = http_address_is_loopback(listen)}};
    for (size_t i = 0; i < routes_count; i++)
        router_add(fixture->api.router, &routes[i]);
    ck_assert_msg(http_server_start(&config, &fixture->api.server, &err), "%s", err.text);
    /* 0.0.0.0 is listened on, not connected to. */
    const char *port = strrchr(http_server_address(fixture->api.server), ':');
    raw_connect(&fixture->client,
                arena_printf(fixture->api.arena, "http://127.0.0.1%s", port).data);
}

void api_fixture_stop(struct api_fixture *fixture)
{
    raw_close(&fixture->client);
    http_server_stop(fixture->api.server);
    router_free(fixture->api.router);
    arena_free(fixture->api.arena);
}

struct raw_reply api_fixture_ask(struct api_fixture *fixture, const char *line, const char *headers,
                                 const char *body)
{
    bool has_host = strstr(headers, "Host:") != NULL;
    bool has_body = body[0] != '\0' || strncmp(line, "POST", 4) == 0;
    struct str length =
        has_body ? arena_printf(fixture->api.arena, "Content-Length: %zu\r\n", strlen(body))
                 : STR("");
    struct str request =
        arena_printf(fixture->api.arena, "%s HTTP/1.1\r\n%s%s" STR_FMT "\r\n%s", line,
                     has_host ? "" : "Host: 127.0.0.1\r\n", headers, STR_ARG(length), body);

    raw_send(&fixture->client, request);
    return raw_receive(&fixture->client, strncmp(line, "HEAD", 4) == 0);
}

bool reply_has(const struct raw_reply *reply, const char *text)
{
    return reply->body.len > 0 &&
           memmem(reply->body.data, reply->body.len, text, strlen(text)) != NULL;
}

struct str reply_slug(const struct raw_reply *reply)
{
    static const struct str before = STR_INIT("{\"type\":\"/docs/errors/");
    struct str rest = reply->body;

    if (!str_starts_with(rest, before))
        return STR("");
    rest = str_from(rest.data + before.len, rest.len - before.len);
    rest.len = str_index(rest, '"');
    char slug[64] = "";
    memcpy(slug, rest.data, rest.len < sizeof slug ? rest.len : sizeof slug - 1);
    ck_assert_int_eq(problem_type_get(slug)->status, reply->status);
    ck_assert(str_equal(raw_header(reply, "Content-Type"), STR("application/problem+json")));
    return rest;
}

void answer_text(struct call *call, struct str text)
{
    call_answer(call, 200, "text/plain", text);
}
