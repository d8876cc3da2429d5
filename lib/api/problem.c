/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problem.h"

#include "base/buf.h"
#include "base/json.h"

#include <string.h>

const struct problem_type problem_types[] = {
    {"internal-error", 500, "Internal error", false}, /* first: what an unknown slug becomes */
    {"bad-request", 400, "Bad request", false},
    {"malformed-json", 400, "The body is not JSON", false},
    {"unauthenticated", 401, "Authentication is missing or wrong", false},
    {"forbidden", 403, "Not allowed", false},
    {"reserved-category", 403, "The category belongs to a domain", false},
    {"not-found", 404, "Not found", false},
    {"method-not-allowed", 405, "Method not allowed", false},
    {"not-acceptable", 406, "Not acceptable", false},
    {"already-exists", 409, "It exists already", false},
    {"order-state", 409, "The order's state does not allow it", false},
    {"payment-mismatch", 409, "The amount does not fit what was ordered or paid", false},
    {"insufficient-stock", 409, "Not enough stock", false},
    {"ambiguous-id", 409, "Several have this id", false},
    {"condition-failed", 409, "A condition failed", false},
    {"stream-unreadable", 409, "The stream can not be read", false},
    {"idempotency-in-progress", 409, "The first request with this key still runs", true},
    {"projection-state", 409, "The projection's state does not allow it", false},
    {"publisher-state", 409, "The publisher's state does not allow it", false},
    {"letter-state", 409, "The dead letter's state does not allow it", false},
    {"version-conflict", 412, "The version is another", false},
    {"payload-too-large", 413, "The body is too large", false},
    {"uri-too-long", 414, "The target is too long", false},
    {"unsupported-media-type", 415, "Unsupported media type", false},
    {"expectation-failed", 417, "Unknown expectation", false},
    {"validation-failed", 422, "The request does not fit its schema", false},
    {"json-limits", 422, "The body is beyond the limits for JSON", false},
    {"not-storable", 422, "The body can not be stored", false},
    {"idempotency-key-reused", 422, "The key was used with another request", false},
    {"projection-parked", 424, "The read model holds this back", false},
    {"rate-limited", 429, "Too many requests", true},
    {"headers-too-large", 431, "The header is too large", false},
    {"not-implemented", 501, "Not implemented", false},
    {"read-not-current", 503, "The read model is not there yet", true},
    {"overloaded", 503, "Too much waits already", true},
    {"dependency-down", 503, "A service behind this one is away", true},
    {"outcome-unknown", 503, "Whether it happened is not known", true},
    {"http-version-not-supported", 505, "HTTP version not supported", false},
    {0},
};

const struct problem_type *problem_type_get(const char *slug)
{
    for (const struct problem_type *type = problem_types; type->slug != NULL; type++)
        if (strcmp(type->slug, slug) == 0)
            return type;
    return &problem_types[0];
}

void problem_write(struct buf *out, const struct problem_type *type, struct str detail,
                   struct str instance, const struct faults *faults, struct str members)
{
    buf_add_cstr(out, "{\"type\":\"/docs/errors/");
    buf_add_cstr(out, type->slug);
    buf_add_char(out, '"');
    json_add_str(out, "title", str_of(type->title));
    json_add_i64(out, "status", type->status);
    json_add_str(out, "detail", detail);
    json_add_str(out, "instance", instance);
    json_add_bool(out, "retryable", type->retryable);
    if (faults != NULL && faults_count(faults) > 0) {
        json_write_key(out, "errors");
        faults_write(faults, out);
    }
    if (members.len > 0) {
        buf_add_char(out, ',');
        buf_add_str(out, members);
    }
    buf_add_char(out, '}');
}
