/* SPDX-License-Identifier: Apache-2.0 */
/* What clients send as texts: a list's cursor, an ETag, an Idempotency-Key, an id, a time. */
#include <assert.h>

#include "api/conditions.h"
#include "api/cursor.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "eventlog/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIST = 7 };

static void decode_cursor(struct arena *arena, struct str text)
{
    struct row_key key;
    struct row_key again;

    if (!cursor_decode(arena, text, LIST, &key))
        return;
    assert(cursor_decode(arena, cursor_encode(arena, LIST, &key), LIST, &again));
    assert(str_equal(key.stream, again.stream) && key.value.null == again.value.null);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct str text = str_from((const char *)data, size);
    struct version version;
    struct uuid id;
    struct str key;
    int64_t wall_us;

    decode_cursor(arena, text);
    if (conditions_parse_etag(text, &version))
        assert(version.n >= 1);
    if (conditions_parse_key(text, &key))
        assert(key.len >= 1 && key.len <= 255 && key.data >= text.data);
    if (uuid_parse(text, &id)) {
        char shown[UUID_TEXT_LEN + 1];

        uuid_format(id, shown);
        assert(str_equal_ignore_case(str_of(shown), text));
    }
    (void)clock_parse_rfc3339(text, &wall_us);
    return 0;
}
