/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/snapshot_internal.h"

#include "base/buf.h"
#include "eventlog/writer_core.h"

#include <assert.h>
#include <inttypes.h>
#include <xxhash.h>

enum { NUMBERS = 5 }; /* of a row: stream, version, schema, position, time */

void snapshot_release(struct snapshot *snapshot)
{
    if (snapshot->state != NULL)
        snapshot->type->state_free(snapshot->state);
    snapshot->state = NULL;
}

/* It is stored: so no seed of the process's, and the numbers in an order of bytes of their own. */
static int64_t hash_of(const int64_t numbers[NUMBERS], struct str state)
{
    unsigned char bytes[NUMBERS * 8];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)((uint64_t)numbers[i / 8] >> (8 * (i % 8)));
    return (int64_t)XXH64(state.data, state.len, XXH64(bytes, sizeof(bytes), 0));
}

bool snapshot_write(const struct snapshot *s, struct buf *out, int64_t *ret_hash)
{
    const int64_t numbers[NUMBERS] = {s->stream_id, s->version.n, s->type->state_schema,
                                      s->position.n, s->recorded_at_us};
    size_t begin = out->len;
    size_t len;

    assert(s->type->state_schema > 0);
    s->type->state_write(s->state, out);
    len = out->len - begin;
    if (out->failed || len > SNAPSHOT_BYTES_MAX) {
        out->len = begin;
        out->failed = false;
        return false;
    }
    *ret_hash = hash_of(numbers, str_from(out->data + begin, len));
    return true;
}

bool snapshot_parse(const struct aggregate_type *type, int64_t stream_id,
                    const struct core_snapshot_row *row, void **ret_state, struct error *err)
{
    const int64_t numbers[NUMBERS] = {stream_id, row->version.n, type->state_schema,
                                      row->position.n, row->recorded_at_us};

    if (hash_of(numbers, row->state) != row->hash)
        return error_set(err, ERROR_POISON, "snapshot-damaged",
                         "the snapshot of stream %" PRId64 " of category '%s' is not as written",
                         stream_id, type->category);
    if (!type->state_parse(row->state, ret_state, err))
        return error_wrap(err, "the snapshot of stream %" PRId64 " of category '%s'", stream_id,
                          type->category);
    return true;
}
