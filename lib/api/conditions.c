/* SPDX-License-Identifier: Apache-2.0 */
#include "api/conditions.h"

#include "api/router.h"
#include "base/arena.h"

#include <xxhash.h>

enum { IDEMPOTENCY_KEY_MAX = 255 };

static bool refuse(struct call *call, const char *detail)
{
    call_problem(call, "bad-request", STR_NONE, "%s", detail);
    return false;
}

bool conditions_fit(struct call *call)
{
    static const char *const names[] = {"If-Match", "If-None-Match"};
    const struct route *route = call->route;
    const char *instead = route->instead_of_conditions;

    /* A read's If-None-Match is about what the client has: call_not_modified(). */
    if (route->method == HTTP_GET || route->takes_conditions)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (http_request_header(call->request, names[i], NULL).data != NULL) {
            call_problem(call, "bad-request", STR_NONE, "%s is not taken here: %s", names[i],
                         instead != NULL
                             ? instead
                             : "what this request changes has no version, send it without");
            return false;
        }
    return true;
}

/* A strong ETag of ours: "7". */
bool conditions_parse_etag(struct str text, struct version *ret)
{
    uint64_t number;

    if (text.len < 3 || text.data[0] != '"' || text.data[text.len - 1] != '"' ||
        !str_to_u64(str_from(text.data + 1, text.len - 2), INT64_MAX, &number) || number == 0)
        return false;
    ret->n = (int64_t)number;
    return true;
}

bool conditions_expectation(struct call *call, struct expectation *ret)
{
    size_t match_lines;
    size_t none_lines;
    struct str match = http_request_header(call->request, "If-Match", &match_lines);
    struct str none = http_request_header(call->request, "If-None-Match", &none_lines);

    *ret = (struct expectation){.kind = EXPECT_ANY};
    if (match_lines + none_lines > 1)
        return refuse(call, "send If-Match or If-None-Match, and once");
    if (none_lines == 1) {
        if (!str_equal(str_trim(none), STR("*")))
            return refuse(call, "on a write, If-None-Match takes only *");
        ret->kind = EXPECT_NONE;
        return true;
    }
    if (match_lines == 0)
        return true;
    match = str_trim(match);
    if (str_equal(match, STR("*"))) {
        ret->kind = EXPECT_EXISTS;
        return true;
    }
    ret->kind = EXPECT_EXACT;
    return conditions_parse_etag(match, &ret->version) ||
           refuse(call, "If-Match takes one version as in an ETag, such as \"7\", or *");
}

bool conditions_is_key(struct str key)
{
    if (key.len == 0 || key.len > IDEMPOTENCY_KEY_MAX)
        return false;
    for (size_t i = 0; i < key.len; i++)
        if (key.data[i] < 0x20 || key.data[i] > 0x7e || key.data[i] == '"' || key.data[i] == '\\')
            return false;
    return true;
}

/* Quoted is the draft's structured field. */
bool conditions_parse_key(struct str header, struct str *ret_key)
{
    struct str key = str_trim(header);

    if (key.len >= 2 && key.data[0] == '"' && key.data[key.len - 1] == '"')
        key = str_from(key.data + 1, key.len - 2);
    *ret_key = key;
    return conditions_is_key(key);
}

struct str conditions_hash(struct arena *arena, const struct str *parts, size_t count)
{
    static const char separator = '\n';
    XXH3_state_t *state = XXH3_createState();
    XXH128_canonical_t digest;

    XXH3_128bits_reset(state);
    for (size_t i = 0; i < count; i++) {
        XXH3_128bits_update(state, parts[i].data, parts[i].len);
        XXH3_128bits_update(state, &separator, 1);
    }
    XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    return arena_dup(arena, str_from((const char *)digest.digest, sizeof digest.digest));
}

static struct str hash_request(struct call *call)
{
    struct str parts[] = {http_request_method_text(call->request),
                          http_request_target(call->request), http_request_body(call->request)};

    return conditions_hash(call->arena, parts, sizeof parts / sizeof *parts);
}

bool conditions_idempotency(struct call *call, struct write *write)
{
    size_t lines;
    struct str header = http_request_header(call->request, "Idempotency-Key", &lines);

    if (lines == 0)
        return true;
    if (lines > 1 || !conditions_parse_key(header, &write->idempotency_key))
        return refuse(call, "Idempotency-Key takes 1 to 255 printable characters, quoted or bare");
    write->request_hash = hash_request(call);
    return true;
}
