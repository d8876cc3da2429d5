/* SPDX-License-Identifier: Apache-2.0 */
/* A request's head, a line each: method, target, version, then fields. What passes has one meaning.
 */
#include <assert.h>

#include "base/arena.h"
#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct str rest = str_from((const char *)data, size);
    struct http_field fields[HEAD_FIELDS_MAX + 2];
    struct http_head head = {.fields = fields, .bytes = size};
    struct http_head_facts facts;
    struct str decoded;

    head.method = str_split(rest, '\n', &rest);
    head.target = str_split(rest, '\n', &rest);
    head.version = str_split(rest, '\n', &rest);
    while (rest.len > 0 && head.fields_count < HEAD_FIELDS_MAX + 2) {
        struct http_field *field = &fields[head.fields_count++];

        field->name = str_split(str_split(rest, '\n', &rest), ':', &field->value);
        field->value = str_trim(field->value);
    }
    if (http_head_check(&head, &facts) != NULL)
        return 0;
    assert(str_equal(facts.path, STR("/")) || /* http://host alone */
           (facts.path.data >= head.target.data &&
            facts.path.data + facts.path.len <= head.target.data + head.target.len));
    assert(!facts.chunked || facts.content_length == 0);
    if (facts.method != HTTP_OTHER_KNOWN)
        assert(http_unescape(arena, facts.path, false, &decoded));
    (void)http_unescape(arena, facts.query, true, &decoded);
    return 0;
}
