/* SPDX-License-Identifier: Apache-2.0 */
#include "api/conditions.h"

#include "base/arena.h"

#include <xxhash.h>

enum { IDEMPOTENCY_KEY_MAX = 255 };

static bool refuse(struct call *call, const char *detail)
{
    call_problem(call, "bad-request", STR_NONE, "%s", detail);
    return false;
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

/* Quoted is the draft's structured field. */
bool conditions_parse_key(struct str header, struct str *ret_key)
{
    struct str key = str_trim(header);

    if (key.len >= 2 && key.data[0] == '"' && key.data[key.len - 1] == '"')
        key = str_from(key.data + 1, key.len - 2);
    if (key.len == 0 || key.len > IDEMPOTENCY_KEY_MAX)
        return false;
    for (size_t i = 0; i < key.len; i++)
        if (key.data[i] < 0x20 || key.data[i] > 0x7e || key.data[i] == '"' || key.data[i] == '\\')
            return false;
    *ret_key = key;
    return true;
}

/* Of method, target and body: not a secret, so a fast hash; 128 bits do not collide by accident. */
static struct str hash_request(struct call *call)
{
    static const char separator = '\n';
    struct str parts[] = {http_request_method_text(call->request),
                          http_request_target(call->request), http_request_body(call->request)};
    XXH3_state_t *state = XXH3_createState();
    XXH128_canonical_t digest;

    XXH3_128bits_reset(state);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        XXH3_128bits_update(state, parts[i].data, parts[i].len);
        XXH3_128bits_update(state, &separator, 1);
    }
    XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    return arena_dup(call->arena, str_from((const char *)digest.digest, sizeof digest.digest));
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
