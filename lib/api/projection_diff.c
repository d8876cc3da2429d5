/* SPDX-License-Identifier: Apache-2.0 */
/* GET /admin/v1/projections/{p}/diff: how the rows of another generation differ from the live ones.
 */
#include "api/api_internal.h"
#include "api/base64url.h"
#include "base/arena.h"
#include "projection/diff.h"

#include <string.h>

enum { KEYS = 50000, KEYS_MAX = 500000, CURSOR_BYTES_MAX = 4096 };

struct diff_call { /* a call's `data` */
    const struct projection *projection;
    int64_t generation;
    int64_t limit;
    bool has_after;
    struct diff_key after;
};

/* A cursor is the last key, as a JSON array of texts. */

static struct str encode_cursor(struct call *call, const struct diff_key *key)
{
    struct buf text = BUF_INIT(CURSOR_BYTES_MAX);
    struct str cursor;

    buf_add_char(&text, '[');
    for (size_t i = 0; i < key->count; i++) {
        if (i > 0)
            buf_add_char(&text, ',');
        json_write_str(&text, key->values[i]);
    }
    buf_add_char(&text, ']');
    cursor = base64url_encode(call->arena, (const unsigned char *)text.data, text.len);
    buf_release(&text);
    return cursor;
}

/* Of a table declared in SQL only the database knows. */
static bool has_key_columns(const struct projection *projection, size_t count)
{
    if (projection->kind == PROJECTION_SQL)
        return count >= 1 && count <= DIFF_KEYS_MAX;
    return count == (projection->kind == PROJECTION_BY_STREAM ? 2 : 1 + projection->key_columns);
}

static bool decode_cursor(struct call *call, struct str cursor, struct diff_call *diff)
{
    unsigned char text[CURSOR_BYTES_MAX];
    size_t len, index;
    json_t *item;

    if (!base64url_decode(cursor, text, sizeof text, &len))
        return false;
    SCOPED(json_decref) json_t *keys = json_loadb((const char *)text, len, 0, NULL);
    if (!json_is_array(keys) || !has_key_columns(diff->projection, json_array_size(keys)))
        return false;
    json_array_foreach(keys, index, item)
    {
        if (!json_is_string(item))
            return false;
        diff->after.values[index] =
            arena_dup(call->arena, str_from(json_string_value(item), json_string_length(item)));
    }
    diff->after.count = json_array_size(keys);
    diff->has_after = true;
    return true;
}

/* The answer. */

static void write_names(struct buf *out, const char *key, const struct str *names, size_t count)
{
    json_write_key(out, key);
    buf_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        json_write_str(out, names[i]);
    }
    buf_add_char(out, ']');
}

static void write_json(struct buf *out, const char *key, struct str json)
{
    json_write_key(out, key);
    buf_add_str(out, json.data != NULL ? json : STR("null"));
}

static void write_samples(struct buf *out, const struct diff *diff)
{
    json_write_key(out, "samples");
    buf_add_char(out, '[');
    for (size_t i = 0; i < diff->samples_count; i++) {
        buf_add_cstr(out, i > 0 ? ",{" : "{");
        write_json(out, "live", diff->samples[i].live);
        write_json(out, "other", diff->samples[i].other);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void write_diff(struct call *call, const struct diff *diff, struct buf *out)
{
    buf_add_char(out, '{');
    json_add_i64(out, "live", diff->live);
    json_add_i64(out, "other", diff->other);
    json_add_i64(out, "compared", diff->compared);
    json_add_i64(out, "only_live", diff->only_live);
    json_add_i64(out, "only_other", diff->only_other);
    json_add_i64(out, "different", diff->different);
    json_add_i64(out, "behind", diff->behind);
    json_add_bool(out, "exact", diff->exact);
    write_names(out, "columns_only_live", diff->columns_live, diff->columns_live_count);
    write_names(out, "columns_only_other", diff->columns_other, diff->columns_other_count);
    write_samples(out, diff);
    json_write_key(out, "next_cursor");
    if (diff->more)
        json_write_str(out, encode_cursor(call, &diff->last));
    else
        buf_add_cstr(out, "null");
    buf_add_char(out, '}');
}

static bool read_diff(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    const struct diff_call *asked = call->data;
    struct diff *diff = ARENA_NEW(call->arena, struct diff);

    if (!diff_page(reader->conn, asked->projection, (int)asked->generation,
                   asked->has_after ? &asked->after : NULL, (size_t)asked->limit, call->arena, diff,
                   err))
        return false;
    write_diff(call, diff, &body);
    call_json(call, 200, &body);
    return true;
}

void projection_diff_serve(struct call *call)
{
    struct diff_call *asked = ARENA_NEW(call->arena, struct diff_call);
    struct str cursor;

    asked->limit = KEYS;
    asked->projection = projection_in_path(call);
    if (asked->projection == NULL || !call_accepts(call, "application/json"))
        return;
    call_query_number(call, "generation", 1, INT32_MAX, &asked->generation);
    call_query_number(call, "limit", 1, KEYS_MAX, &asked->limit);
    if (call_query_str(call, "cursor", &cursor) && !decode_cursor(call, cursor, asked))
        faults_add(call->faults, "is no cursor of this projection's rows", "?cursor");
    if (!call_query_done(call))
        return;
    call->data = asked;
    query_submit(call->api->exports, call, read_diff);
}
