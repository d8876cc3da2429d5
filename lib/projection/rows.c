/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/rows.h"

#include <assert.h>

#include "base/arena.h"
#include "postgres/pg.h"
#include "projection/fold_event.h"
#include "projection/table.h"

struct slot {
    struct row row;
    struct version loaded; /* 0: none */
    struct version first;  /* rows_meet(): of its first event here */
};

struct rows {
    const struct table *table;
    const struct projection *projection;
    struct arena *arena;
    struct slot *slots;
    size_t count;
    size_t max;
    uint32_t *index; /* hash of the stream -> number in slots + 1; 0: free */
    size_t index_mask;
};

struct rows *rows_new(const struct table *table, size_t streams_max, struct arena *arena)
{
    struct rows *rows = ARENA_NEW(arena, struct rows);
    size_t places = 4;

    while (places < streams_max * 2)
        places *= 2;
    rows->table = table;
    rows->projection = table->projection;
    rows->arena = arena;
    rows->slots = arena_alloc(arena, sizeof(struct slot) * (streams_max ? streams_max : 1));
    rows->max = streams_max;
    rows->index = ARENA_ARRAY(arena, uint32_t, places);
    rows->index_mask = places - 1;
    return rows;
}

static struct slot *slot_new(struct rows *rows, struct str tenant, struct str stream)
{
    struct slot *slot = &rows->slots[rows->count++];

    assert(rows->count <= rows->max);
    *slot = (struct slot){.row = {.tenant = tenant, .stream = stream}};
    for (size_t i = 0; i < rows->projection->columns_count; i++)
        slot->row.values[i].null = true;
    return slot;
}

static struct slot *slot_touch(struct rows *rows, struct str tenant, struct str stream)
{
    size_t place = str_hash(stream) & rows->index_mask;

    for (; rows->index[place]; place = (place + 1) & rows->index_mask) {
        struct slot *slot = &rows->slots[rows->index[place] - 1];

        if (str_equal(slot->row.stream, stream) && str_equal(slot->row.tenant, tenant))
            return slot;
    }
    rows->index[place] = (uint32_t)rows->count + 1;
    return slot_new(rows, tenant, stream);
}

struct row *rows_touch(struct rows *rows, struct str tenant, struct str stream)
{
    return &slot_touch(rows, tenant, stream)->row;
}

size_t rows_count(const struct rows *rows)
{
    return rows->count;
}

void rows_meet(struct rows *rows, const struct event *event)
{
    struct slot *slot = slot_touch(rows, event->tenant, event->stream);

    if (slot->first.n == 0 || event->version.n < slot->first.n)
        slot->first = event->version;
}

/* A stream that begins here has no row. */
static bool may_have_row(const struct slot *slot)
{
    return slot->first.n != 1;
}

void rows_load_params(const struct rows *rows, struct pg_params *params)
{
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < rows->count; i++)
        if (may_have_row(&rows->slots[i]))
            pg_array_str(params, rows->slots[i].row.tenant);
    pg_array_close(params);
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < rows->count; i++)
        if (may_have_row(&rows->slots[i]))
            pg_array_str(params, rows->slots[i].row.stream);
    pg_array_close(params);
}

void rows_loaded(struct rows *rows, const struct pg_rows *loaded)
{
    for (size_t i = 0; i < pg_rows_count(loaded); i++) {
        struct row row;
        struct slot *slot;

        table_read_row(rows->table, loaded, i, 0, &row);
        slot = slot_touch(rows, row.tenant, row.stream);
        slot->row = row;
        slot->loaded = row.version;
    }
}

enum rows_fold rows_fold(struct rows *rows, const struct event *event, struct error *err)
{
    struct row *row = rows_touch(rows, event->tenant, event->stream);
    struct row before;

    if (event->version.n <= row->version.n)
        return ROWS_HAS_IT;
    if (event->version.n > row->version.n + 1)
        return ROWS_GAP;
    before = *row;
    if (!projection_fold(rows->projection, row, event, rows->arena, err)) {
        *row = before; /* the fold may have changed half of it */
        return ROWS_POISON;
    }
    row->exists = true;
    row->version = event->version;
    return ROWS_FOLDED;
}

void rows_skip(struct rows *rows, struct str tenant, struct str stream, struct version version)
{
    struct row *row = rows_touch(rows, tenant, stream);

    if (version.n > row->version.n)
        row->version = version;
}

/* One that was never folded onto is no row, whatever was skipped. */
static bool has_changed(const struct slot *slot)
{
    return slot->row.exists && slot->row.version.n > slot->loaded.n;
}

static bool is_new(const struct slot *slot)
{
    return has_changed(slot) && slot->loaded.n == 0;
}

static void copy_value(struct buf *out, enum column_type type, const struct value *value)
{
    if (value->null)
        pg_copy_null(out);
    else if (type == COLUMN_TIME)
        pg_copy_time(out, value->i64);
    else if (type == COLUMN_BIGINT)
        pg_copy_i64(out, value->i64);
    else
        pg_copy_str(out, value->str);
}

size_t rows_copy_new(struct rows *rows, struct buf *out)
{
    const struct projection *projection = rows->projection;
    size_t copied = 0;

    for (size_t i = 0; i < rows->count; i++) {
        struct slot *slot = &rows->slots[i];

        if (!is_new(slot))
            continue;
        pg_copy_row(out, 3 + (int)projection->columns_count);
        pg_copy_str(out, slot->row.tenant);
        pg_copy_str(out, slot->row.stream);
        pg_copy_i64(out, slot->row.version.n);
        for (size_t c = 0; c < projection->columns_count; c++)
            copy_value(out, projection->columns[c].type, &slot->row.values[c]);
        slot->loaded = slot->row.version; /* written: nothing is left to upsert */
        copied++;
    }
    return copied;
}

size_t rows_changed(const struct rows *rows)
{
    size_t changed = 0;

    for (size_t i = 0; i < rows->count; i++)
        changed += has_changed(&rows->slots[i]);
    return changed;
}

static void add_value(struct pg_params *params, enum column_type type, const struct value *value)
{
    if (value->null) {
        pg_array_null(params);
        return;
    }
    switch (type) {
    case COLUMN_TEXT:
    case COLUMN_JSON:
        pg_array_str(params, value->str);
        break;
    case COLUMN_BIGINT:
    case COLUMN_TIME:
        pg_array_i64(params, value->i64);
        break;
    case COLUMN_SUM:
        assert(!"a column of a projection by stream");
    }
}

static enum pg_type element_type(enum column_type type)
{
    switch (type) {
    case COLUMN_TEXT:
        return PG_TEXT;
    case COLUMN_BIGINT:
        return PG_INT8;
    case COLUMN_TIME:
        return PG_TIMESTAMPTZ;
    case COLUMN_JSON:
        return PG_JSON;
    case COLUMN_SUM:
        break;
    }
    assert(!"a column of a projection by stream");
    return PG_TEXT;
}

static void add_column(const struct rows *rows, size_t column, struct pg_params *params)
{
    enum column_type type = rows->projection->columns[column].type;

    pg_array_open(params, element_type(type));
    for (size_t i = 0; i < rows->count; i++)
        if (has_changed(&rows->slots[i]))
            add_value(params, type, &rows->slots[i].row.values[column]);
    pg_array_close(params);
}

void rows_upsert_params(const struct rows *rows, struct pg_params *params)
{
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < rows->count; i++)
        if (has_changed(&rows->slots[i]))
            pg_array_str(params, rows->slots[i].row.tenant);
    pg_array_close(params);
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < rows->count; i++)
        if (has_changed(&rows->slots[i]))
            pg_array_str(params, rows->slots[i].row.stream);
    pg_array_close(params);
    pg_array_open(params, PG_INT8);
    for (size_t i = 0; i < rows->count; i++)
        if (has_changed(&rows->slots[i]))
            pg_array_i64(params, rows->slots[i].row.version.n);
    pg_array_close(params);
    for (size_t i = 0; i < rows->projection->columns_count; i++)
        add_column(rows, i, params);
}
