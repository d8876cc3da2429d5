/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/mem.h"
#include "postgres/pg_internal.h"
#include "postgres/pg_wire_types.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What reading adds to a result. */
struct notes {
    struct arena *texts; /* of uuids; NULL: none asked for yet */
    bool *columns_read;
};

struct pg_rows {
    PGresult *result;
    struct notes *notes;
};

struct pg_rows *pg_rows_new(PGresult *result)
{
    struct pg_rows *rows = mem_zalloc(sizeof(*rows));

    rows->result = result;
    rows->notes = mem_zalloc(sizeof(*rows->notes));
    rows->notes->columns_read = mem_calloc((size_t)PQnfields(result) + 1, sizeof(bool));
    return rows;
}

#ifdef DAYBOOK_SANITIZED
/* A column that nobody reads is work for nothing, or a reader that forgot it. */
static void check_columns_read(const struct pg_rows *rows)
{
    if (PQntuples(rows->result) == 0)
        return;
    for (int column = 0; column < PQnfields(rows->result); column++) {
        if (!rows->notes->columns_read[column]) {
            fprintf(stderr, "column '%s' was selected and not read\n",
                    PQfname(rows->result, column));
            abort();
        }
    }
}
#else
static void check_columns_read(const struct pg_rows *rows)
{
    (void)rows;
}
#endif

void pg_rows_free(struct pg_rows *rows)
{
    if (!rows)
        return;
    check_columns_read(rows);
    arena_free(rows->notes->texts);
    mem_free(rows->notes->columns_read);
    mem_free(rows->notes);
    PQclear(rows->result);
    mem_free(rows);
}

void pg_rows_skip(const struct pg_rows *rows)
{
    if (rows)
        memset(rows->notes->columns_read, true, (size_t)PQnfields(rows->result));
}

size_t pg_rows_count(const struct pg_rows *rows)
{
    return (size_t)PQntuples(rows->result);
}

int64_t pg_rows_affected(const struct pg_rows *rows)
{
    return strtoll(PQcmdTuples(rows->result), NULL, 10); /* "" for a command without rows: 0 */
}

bool pg_is_null(const struct pg_rows *rows, size_t row, int column)
{
    assert(row < pg_rows_count(rows));
    assert(column >= 0 && column < PQnfields(rows->result));

    rows->notes->columns_read[column] = true;
    return PQgetisnull(rows->result, (int)row, column);
}

static struct str field(const struct pg_rows *rows, size_t row, int column)
{
    return str_from(PQgetvalue(rows->result, (int)row, column),
                    (size_t)PQgetlength(rows->result, (int)row, column));
}

/* A number of BYTES, big endian; the server's promise about the type's length is checked. */
static uint64_t number(const struct pg_rows *rows, size_t row, int column, size_t bytes)
{
    uint64_t big = 0;
    struct str raw;

    assert(!pg_is_null(rows, row, column));
    raw = field(rows, row, column);
    assert(raw.len == bytes);
    memcpy((char *)&big + sizeof(big) - bytes, raw.data, bytes);
    return be64toh(big);
}

int64_t pg_get_i64(const struct pg_rows *rows, size_t row, int column)
{
    switch (PQftype(rows->result, column)) {
    case PG_OID_INT8:
        return (int64_t)number(rows, row, column, 8);
    case PG_OID_INT4:
        return (int32_t)number(rows, row, column, 4);
    case PG_OID_INT2:
        return (int16_t)number(rows, row, column, 2);
    case PG_OID_OID:
        return (int64_t)number(rows, row, column, 4);
    case PG_OID_DATE:
        return (int32_t)number(rows, row, column, 4) + PG_EPOCH_DAYS;
    default:
        assert(false && "a column of whole numbers");
        abort();
    }
}

bool pg_get_bool(const struct pg_rows *rows, size_t row, int column)
{
    assert(PQftype(rows->result, column) == PG_OID_BOOL);
    return number(rows, row, column, 1) != 0;
}

int64_t pg_get_time(const struct pg_rows *rows, size_t row, int column)
{
    int64_t wire;

    assert(PQftype(rows->result, column) == PG_OID_TIMESTAMPTZ);
    wire = (int64_t)number(rows, row, column, 8);
    if (wire > INT64_MAX - PG_EPOCH_US) /* infinity */
        return INT64_MAX;
    return wire == INT64_MIN ? INT64_MIN : wire + PG_EPOCH_US;
}

double pg_get_f64(const struct pg_rows *rows, size_t row, int column)
{
    uint64_t bits;
    uint32_t half;
    double value;
    float small;

    if (PQftype(rows->result, column) == PG_OID_FLOAT4) {
        half = (uint32_t)number(rows, row, column, 4);
        memcpy(&small, &half, sizeof(small));
        return (double)small;
    }
    assert(PQftype(rows->result, column) == PG_OID_FLOAT8);
    bits = number(rows, row, column, 8);
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static struct str uuid_text(const struct pg_rows *rows, struct str raw)
{
    struct uuid uuid;
    char *text;

    assert(raw.len == sizeof(uuid.bytes));
    memcpy(uuid.bytes, raw.data, raw.len);
    if (!rows->notes->texts)
        rows->notes->texts = arena_new(0);
    text = arena_alloc(rows->notes->texts, UUID_TEXT_LEN + 1);
    uuid_format(uuid, text);
    return str_from(text, UUID_TEXT_LEN);
}

struct str pg_get_str(const struct pg_rows *rows, size_t row, int column)
{
    struct str raw;

    if (pg_is_null(rows, row, column))
        return STR_NONE;
    raw = field(rows, row, column);

    switch (PQftype(rows->result, column)) {
    case PG_OID_TEXT:
    case PG_OID_VARCHAR:
    case PG_OID_BPCHAR:
    case PG_OID_NAME:
    case PG_OID_JSON:
    case PG_OID_BYTEA:
        return raw;
    case PG_OID_JSONB: /* a version number in front, 1 since there is jsonb */
        assert(raw.len > 0 && raw.data[0] == 1);
        return str_from(raw.data + 1, raw.len - 1);
    case PG_OID_UUID:
        return uuid_text(rows, raw);
    default:
        assert(false && "a column of text");
        abort();
    }
}
