/* SPDX-License-Identifier: Apache-2.0 */
/* The publisher's cursor, as Kafka has it: what was read is written, and read again, the same. */
#include <assert.h>

#include "base/buf.h"
#include "base/scope.h"
#include "publisher/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED_VALUE(buf_release) struct buf first = BUF_INIT(CURSOR_BYTES_MAX);
    SCOPED_VALUE(buf_release) struct buf second = BUF_INIT(CURSOR_BYTES_MAX);
    struct cursor cursor = {0};
    struct cursor again = {0};
    struct error err;

    if (cursor_parse(str_from((const char *)data, size), &cursor, &err)) {
        cursor_write(&cursor, &first);
        if (!first.failed) {
            assert(cursor_parse(buf_str(&first), &again, &err));
            cursor_write(&again, &second);
            assert(str_equal(buf_str(&first), buf_str(&second)));
            cursor_release(&again);
        }
    } else {
        assert(err.class == ERROR_POISON);
    }
    cursor_release(&cursor);
    return 0;
}
