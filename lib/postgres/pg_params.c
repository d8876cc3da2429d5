/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/pg_internal.h"
#include "postgres/pg_wire_types.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

enum { EMPTY_ARRAY_BYTES = 12 }; /* dimensions 0, flags, element type */

static const uint32_t oids[] = {
    [PG_BOOL] = PG_OID_BOOL, [PG_INT4] = PG_OID_INT4, [PG_INT8] = PG_OID_INT8,
    [PG_TEXT] = PG_OID_TEXT, [PG_JSON] = PG_OID_JSON, [PG_BYTEA] = PG_OID_BYTEA,
    [PG_UUID] = PG_OID_UUID, [PG_DATE] = PG_OID_DATE, [PG_TIMESTAMPTZ] = PG_OID_TIMESTAMPTZ,
};

static bool array_is_open(const struct pg_params *p)
{
    return p->array_header != SIZE_MAX;
}

void pg_params_init(struct pg_params *p)
{
    *p = (struct pg_params){.array_header = SIZE_MAX};
    buf_init(&p->bytes, PG_PARAMS_BYTES_MAX);
}

void pg_params_release(struct pg_params *p)
{
    buf_release(&p->bytes);
}

void pg_params_clear(struct pg_params *p)
{
    buf_clear(&p->bytes);
    p->count = 0;
    p->array_header = SIZE_MAX;
}

static struct pg_param *begin(struct pg_params *p)
{
    assert(!array_is_open(p));
    assert(p->count < PG_PARAMS_MAX);
    p->params[p->count] = (struct pg_param){.offset = p->bytes.len};
    return &p->params[p->count++];
}

static void end(struct pg_params *p, struct pg_param *param)
{
    param->len = p->bytes.len - param->offset;
}

static uint64_t wire_time(int64_t wall_us)
{
    assert(wall_us > INT64_MIN + PG_EPOCH_US);
    return (uint64_t)(wall_us - PG_EPOCH_US);
}

static uint32_t wire_date(int64_t days)
{
    assert(days > INT32_MIN + PG_EPOCH_DAYS && days <= INT32_MAX);
    return (uint32_t)(int32_t)(days - PG_EPOCH_DAYS);
}

void pg_add_i64(struct pg_params *p, int64_t value)
{
    struct pg_param *param = begin(p);

    buf_add_be64(&p->bytes, (uint64_t)value);
    end(p, param);
}

void pg_add_i32(struct pg_params *p, int32_t value)
{
    struct pg_param *param = begin(p);

    buf_add_be32(&p->bytes, (uint32_t)value);
    end(p, param);
}

void pg_add_bool(struct pg_params *p, bool value)
{
    struct pg_param *param = begin(p);

    buf_add_char(&p->bytes, value);
    end(p, param);
}

void pg_add_str(struct pg_params *p, struct str value)
{
    struct pg_param *param = begin(p);

    buf_add_str(&p->bytes, value);
    end(p, param);
    param->null = !value.data;
}

void pg_add_bytes(struct pg_params *p, struct str value)
{
    pg_add_str(p, value); /* text and bytea are the same on the wire */
}

void pg_add_time(struct pg_params *p, int64_t wall_us)
{
    pg_add_i64(p, (int64_t)wire_time(wall_us));
}

void pg_add_date(struct pg_params *p, int32_t days)
{
    pg_add_i32(p, (int32_t)wire_date(days));
}

void pg_add_uuid(struct pg_params *p, struct uuid value)
{
    struct pg_param *param = begin(p);

    buf_add(&p->bytes, value.bytes, sizeof(value.bytes));
    end(p, param);
}

void pg_add_null(struct pg_params *p)
{
    begin(p)->null = true;
}

void pg_array_open(struct pg_params *p, enum pg_type element)
{
    begin(p);
    p->array_header = p->bytes.len;
    p->array_count = 0;
    p->array_type = element;
    p->array_has_null = false;
    buf_add_be32(&p->bytes, 1); /* dimensions */
    buf_add_be32(&p->bytes, 0); /* whether there are NULLs: set at the end */
    buf_add_be32(&p->bytes, oids[element]);
    buf_add_be32(&p->bytes, 0); /* length: set at the end */
    buf_add_be32(&p->bytes, 1); /* lower bound */
}

void pg_array_i64(struct pg_params *p, int64_t value)
{
    assert(array_is_open(p));

    p->array_count++;
    switch (p->array_type) {
    case PG_INT4:
        assert(value >= INT32_MIN && value <= INT32_MAX);
        buf_add_be32(&p->bytes, 4);
        buf_add_be32(&p->bytes, (uint32_t)(int32_t)value);
        return;
    case PG_DATE:
        buf_add_be32(&p->bytes, 4);
        buf_add_be32(&p->bytes, wire_date(value));
        return;
    case PG_INT8:
    case PG_TIMESTAMPTZ:
        buf_add_be32(&p->bytes, 8);
        buf_add_be64(&p->bytes, p->array_type == PG_INT8 ? (uint64_t)value : wire_time(value));
        return;
    case PG_BOOL:
    case PG_TEXT:
    case PG_JSON:
    case PG_BYTEA:
    case PG_UUID:
        break;
    }
    assert(false && "an array of numbers");
}

void pg_array_str(struct pg_params *p, struct str value)
{
    assert(array_is_open(p));
    assert(p->array_type == PG_TEXT || p->array_type == PG_JSON || p->array_type == PG_BYTEA);

    if (!value.data) {
        pg_array_null(p);
        return;
    }
    /* What is longer does not fit the buffer either, and fails there. */
    buf_add_be32(&p->bytes, (uint32_t)value.len);
    buf_add_str(&p->bytes, value);
    p->array_count++;
}

void pg_array_uuid(struct pg_params *p, struct uuid value)
{
    assert(array_is_open(p));
    assert(p->array_type == PG_UUID);

    buf_add_be32(&p->bytes, sizeof(value.bytes));
    buf_add(&p->bytes, value.bytes, sizeof(value.bytes));
    p->array_count++;
}

void pg_array_bool(struct pg_params *p, bool value)
{
    assert(array_is_open(p));
    assert(p->array_type == PG_BOOL);

    buf_add_be32(&p->bytes, 1);
    buf_add_char(&p->bytes, value);
    p->array_count++;
}

void pg_array_null(struct pg_params *p)
{
    assert(array_is_open(p));

    buf_add_be32(&p->bytes, UINT32_MAX); /* length -1 */
    p->array_has_null = true;
    p->array_count++;
}

static void put_be32(char *at, uint32_t value)
{
    uint32_t big = htobe32(value);

    memcpy(at, &big, sizeof(big));
}

void pg_array_close(struct pg_params *p)
{
    assert(array_is_open(p));

    if (!p->bytes.failed) {
        char *header = p->bytes.data + p->array_header;

        put_be32(header + 4, p->array_has_null);
        put_be32(header + 12, p->array_count);
        if (p->array_count == 0) { /* an empty array has no dimension */
            put_be32(header, 0);
            p->bytes.len = p->array_header + EMPTY_ARRAY_BYTES;
        }
    }
    p->array_header = SIZE_MAX;
    end(p, &p->params[p->count - 1]);
}

bool pg_params_wire(const struct pg_params *params, struct pg_wire_params *ret_wire,
                    struct error *err)
{
    ret_wire->count = 0;
    if (!params)
        return true;
    assert(!array_is_open(params));
    if (params->bytes.failed)
        return error_set(err, ERROR_POISON, "", "a statement's parameters exceed %d MiB",
                         PG_PARAMS_BYTES_MAX >> 20);

    for (size_t i = 0; i < params->count; i++) {
        const struct pg_param *param = &params->params[i];
        const char *bytes = params->bytes.data ? params->bytes.data + param->offset : "";

        ret_wire->values[i] = param->null ? NULL : bytes;
        ret_wire->lengths[i] = (int)param->len;
        ret_wire->formats[i] = 1;
    }
    ret_wire->count = (int)params->count;
    return true;
}
