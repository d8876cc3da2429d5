/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/projection/items.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"

enum { OWNER, N, LAST_AT, NOTE };

atomic_bool items_tolerant;

static bool member_i64(struct str data, const char *key, int64_t *ret)
{
    struct str raw;

    return json_member(data, key, &raw) && str_to_i64(raw, ret);
}

/* Without its quotes; tests use no escapes but in a note. */
static bool member_str(struct str data, const char *key, struct str *ret)
{
    struct str raw;

    if (!json_member(data, key, &raw) || raw.len < 2 || raw.data[0] != '"')
        return false;
    *ret = str_from(raw.data + 1, raw.len - 2);
    return true;
}

static bool malformed(const struct event *event, struct error *err)
{
    return error_set(err, ERROR_POISON, "malformed", "malformed '" STR_FMT "'",
                     STR_ARG(event->type));
}

static bool fold_added(struct row *row, const struct event *event, struct error *err)
{
    struct str owner;
    int64_t n;

    if (!member_str(event->data, "owner", &owner) || !member_i64(event->data, "n", &n))
        return malformed(event, err);
    row->values[OWNER] = (struct value){.str = owner};
    row->values[N] = (struct value){.i64 = row->values[N].i64 + n};
    row->values[LAST_AT] = (struct value){.i64 = event->occurred_at_us};
    return true;
}

static bool fold(struct row *row, const struct event *event, struct arena *arena, struct error *err)
{
    struct str note;

    (void)arena;
    if (str_equal(event->type, STR("Added")))
        return fold_added(row, event, err);
    if (str_equal(event->type, STR("Removed"))) {
        row->values[N] = (struct value){.null = true};
        row->values[LAST_AT] = (struct value){.null = true};
        return true;
    }
    if (str_equal(event->type, STR("Noted"))) {
        if (!member_str(event->data, "note", &note))
            return malformed(event, err);
        row->values[NOTE] = (struct value){.str = note};
        return true;
    }
    if (str_equal(event->type, STR("Spoiled")) && atomic_load(&items_tolerant))
        return true;
    return error_set(err, ERROR_POISON, "unknown-type", "unknown event type '" STR_FMT "'",
                     STR_ARG(event->type));
}

static bool deltas(const struct event *event, struct arena *arena, struct delta **ret_deltas,
                   size_t *ret_count, struct error *err)
{
    struct delta *delta;

    *ret_count = 0;
    if (!str_equal(event->type, STR("Added"))) {
        if (!str_equal(event->type, STR("Spoiled")) || atomic_load(&items_tolerant))
            return true;
        return error_set(err, ERROR_POISON, "unknown-type", "unknown event type 'Spoiled'");
    }
    delta = ARENA_NEW(arena, struct delta);
    if (!member_str(event->data, "owner", &delta->keys[0]) ||
        !member_i64(event->data, "n", &delta->sums[1]))
        return malformed(event, err);
    delta->sums[0] = 1;
    *ret_deltas = delta;
    *ret_count = 1;
    return true;
}

static const char *const categories[] = {"item", NULL};

static const struct column items_columns[] = {
    {"owner", COLUMN_TEXT},
    {"n", COLUMN_BIGINT},
    {"last_at", COLUMN_TIME},
    {"note", COLUMN_JSON},
};
static const char *const items_indexes[] = {"tenant, owner, last_at, stream", "tenant, n", NULL};

const struct projection items_projection = {
    .name = "items",
    .kind = PROJECTION_BY_STREAM,
    .categories = categories,
    .columns = items_columns,
    .columns_count = 4,
    .indexes = items_indexes,
    .fold = fold,
};

static const struct column totals_columns[] = {
    {"owner", COLUMN_TEXT}, {"events", COLUMN_SUM}, {"n", COLUMN_SUM}};

const struct projection totals_projection = {
    .name = "totals",
    .kind = PROJECTION_ROLL_UP,
    .categories = categories,
    .columns = totals_columns,
    .columns_count = 3,
    .key_columns = 1,
    .deltas = deltas,
};

const struct projection *const items_projections[] = {&items_projection, &totals_projection, NULL};
