/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/tally.h"

#include "base/arena.h"
#include "base/mem.h"
#include "projection/fold_event.h"
#include "postgres/pg.h"
#include "projection/fold_event.h"
#include "projection/table.h"
#include "verify/sql.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define uthash_malloc(bytes) mem_alloc(bytes)
#define uthash_free(pointer, bytes) mem_free(pointer)
#include <uthash.h>

/* Sums of 64-bit numbers: more events than a log can have do not overflow it. */
__extension__ typedef __int128 sum_t;
__extension__ typedef unsigned __int128 magnitude_t;

struct tally_entry {
    UT_hash_handle hh;
    struct str tenant;
    struct str keys[TALLY_KEYS_MAX];
    bool late; /* came after the first target: its row may lie where was looked already */
    bool seen;
    sum_t sums[TALLY_SUMS_MAX];
    uint64_t events;
    sum_t held[TALLY_SUMS_MAX]; /* part of sums that is not applied */
    uint64_t held_events;
    uint64_t held_at; /* the round that held is of */
    size_t name_len;
    char name[]; /* tenant and keys, each with its NUL: none of them has one inside */
};

struct tally {
    struct verifier *v;
    const struct table *table;
    const struct projection *projection;
    uint64_t part;
    uint64_t parts;
    struct arena *arena;   /* of the entries */
    struct arena *scratch; /* of one event's deltas */
    struct tally_entry *entries;
    bool late;
    uint64_t round; /* of what is held */
    struct cut done;
    struct cut target;
};

struct tally *tally_new(struct verifier *v, const struct table *table, uint64_t part,
                        uint64_t parts)
{
    struct tally *tally = mem_zalloc(sizeof(*tally));

    assert(table->projection->kind == PROJECTION_ROLL_UP);
    assert(part < parts);
    tally->v = v;
    tally->table = table;
    tally->projection = table->projection;
    tally->part = part;
    tally->parts = parts;
    tally->arena = arena_new(0);
    tally->scratch = arena_new(0);
    cut_init(&tally->done, &v->cursor);
    cut_init(&tally->target, &v->cursor);
    return tally;
}

void tally_free(struct tally *tally)
{
    if (!tally)
        return;
    HASH_CLEAR(hh, tally->entries);
    arena_free(tally->arena);
    arena_free(tally->scratch);
    cut_release(&tally->done);
    cut_release(&tally->target);
    mem_free(tally);
}

void tally_target(struct tally *tally, const struct cut *target)
{
    cut_copy(&tally->target, target);
}

void tally_range(const struct tally *tally, struct position *ret_after, struct position *ret_up_to)
{
    cut_difference(&tally->done, &tally->target, ret_after, ret_up_to);
}

void tally_reached(struct tally *tally)
{
    cut_copy(&tally->done, &tally->target);
    tally->late = true;
}

/* Keys. */

static size_t write_part(char *to, struct str part)
{
    memcpy(to, part.data, part.len);
    to[part.len] = '\0';
    return part.len + 1;
}

static struct str name_of(const struct tally *tally, struct str tenant, const struct str *keys,
                          struct arena *arena)
{
    size_t count = tally->projection->key_columns;
    size_t bytes = tenant.len + 1;
    char *name;
    size_t len;

    for (size_t i = 0; i < count; i++)
        bytes += keys[i].len + 1;
    name = arena_alloc(arena, bytes);
    len = write_part(name, tenant);
    for (size_t i = 0; i < count; i++)
        len += write_part(name + len, keys[i]);
    return str_from(name, len);
}

static bool is_mine(const struct tally *tally, struct str name)
{
    return XXH3_64bits(name.data, name.len) % tally->parts == tally->part;
}

static struct tally_entry *find(struct tally *tally, struct str name)
{
    struct tally_entry *entry;

    HASH_FIND(hh, tally->entries, name.data, name.len, entry);
    return entry;
}

static struct tally_entry *add_entry(struct tally *tally, struct str name, struct str tenant,
                                     const struct str *keys)
{
    struct tally_entry *entry = arena_zalloc(tally->arena, sizeof(*entry) + name.len);

    entry->late = tally->late;
    entry->tenant = arena_dup(tally->arena, tenant);
    for (size_t i = 0; i < tally->projection->key_columns; i++)
        entry->keys[i] = arena_dup(tally->arena, keys[i]);
    entry->name_len = name.len;
    memcpy(entry->name, name.data, name.len);
    HASH_ADD_KEYPTR(hh, tally->entries, entry->name, entry->name_len, entry);
    return entry;
}

/* Events. */

static bool is_due(const struct tally *tally, const struct event *event)
{
    const struct position *done, *target;

    if (!projection_reads(tally->projection, name_category(event->stream)))
        return false;
    done = cut_of(&tally->done, tally->v, event->tenant, event->stream);
    target = cut_of(&tally->target, tally->v, event->tenant, event->stream);
    return done && event->position.n > done->n && event->position.n <= target->n;
}

static void add_delta(struct tally *tally, const struct event *event, const struct delta *delta)
{
    struct str name = name_of(tally, event->tenant, delta->keys, tally->scratch);
    struct tally_entry *entry;

    if (!is_mine(tally, name))
        return;
    entry = find(tally, name);
    if (!entry)
        entry = add_entry(tally, name, event->tenant, delta->keys);
    for (size_t i = 0; i < TALLY_SUMS_MAX; i++)
        entry->sums[i] += delta->sums[i];
    entry->events++;
}

/* Whether the projection does not apply EVENT on purpose. */
static bool is_held(const struct tally *tally, const struct event *event, bool *ret_held,
                    struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_str(&params, str_of(tally->projection->name));
    pg_add_i32(&params, tally->table->generation);
    pg_add_str(&params, event->tenant);
    pg_add_str(&params, event->stream);
    pg_add_i64(&params, event->version.n);
    if (!pg_query(tally->v->conn, sql_is_held, &params, &rows, err))
        return false;
    *ret_held = pg_get_bool(rows, 0, 0);
    return true;
}

static void tell_unfit(const struct tally *tally, const struct event *event,
                       const struct error *why)
{
    char text[TEXT_MAX];
    struct finding finding = {.kind = FINDING_DRIFTED,
                              .part = VERIFY_MODELS,
                              .name = str_of(tally->projection->name),
                              .partition = -1,
                              .tenant = event->tenant,
                              .key = event->stream,
                              .position = event->position,
                              .version = event->version};

    snprintf(text, sizeof(text), "can not be folded: %s", why->text);
    finding.text = str_of(text);
    verifier_found(tally->v, &finding);
}

bool tally_add(struct tally *tally, const struct event *event, struct error *err)
{
    struct delta *deltas;
    bool held = false;
    struct error why;
    size_t count;

    if (!is_due(tally, event))
        return true;
    if (projection_deltas(tally->projection, event, tally->scratch, &deltas, &count, &why)) {
        for (size_t i = 0; i < count; i++)
            add_delta(tally, event, &deltas[i]);
    } else if (tally->part == 0) { /* told once, whatever the number of parts */
        if (!is_held(tally, event, &held, err))
            return false;
        if (!held)
            tell_unfit(tally, event, &why);
    }
    arena_clear(tally->scratch);
    return true;
}

void tally_hold_none(struct tally *tally)
{
    tally->round++;
}

static void hold_delta(struct tally *tally, const struct event *event, const struct delta *delta)
{
    struct tally_entry *entry =
        find(tally, name_of(tally, event->tenant, delta->keys, tally->scratch));

    if (!entry)
        return;
    if (entry->held_at != tally->round) {
        memset(entry->held, 0, sizeof(entry->held));
        entry->held_events = 0;
        entry->held_at = tally->round;
    }
    for (size_t i = 0; i < TALLY_SUMS_MAX; i++)
        entry->held[i] += delta->sums[i];
    entry->held_events++;
}

void tally_hold(struct tally *tally, const struct event *event)
{
    const struct position *done = cut_of(&tally->done, tally->v, event->tenant, event->stream);
    struct delta *deltas;
    struct error why;
    size_t count;

    if (!done || event->position.n > done->n)
        return;
    if (projection_deltas(tally->projection, event, tally->scratch, &deltas, &count, &why))
        for (size_t i = 0; i < count; i++)
            hold_delta(tally, event, &deltas[i]);
    arena_clear(tally->scratch);
}

/* Rows. */

static void write_sum(sum_t sum, char out[64])
{
    char digits[64];
    size_t at = sizeof(digits);
    bool negative = sum < 0;
    magnitude_t left = negative ? -(magnitude_t)sum : (magnitude_t)sum;

    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left > 0);
    if (negative)
        digits[--at] = '-';
    memcpy(out, digits + at, sizeof(digits) - at);
}

enum tally_verdict tally_compare(struct tally *tally, const struct row *row, size_t *ret_column,
                                 char ret_sum[64])
{
    const struct projection *p = tally->projection;
    struct str keys[TALLY_KEYS_MAX];
    struct tally_entry *entry;
    struct str name;

    for (size_t i = 0; i < p->key_columns; i++)
        keys[i] = row->values[i].str;
    name = name_of(tally, row->tenant, keys, tally->scratch);
    entry = find(tally, name);
    if (!entry) {
        bool mine = is_mine(tally, name);

        arena_clear(tally->scratch);
        return mine ? TALLY_UNKNOWN : TALLY_OF_OTHERS;
    }
    arena_clear(tally->scratch);
    entry->seen = true;
    if (entry->held_at != tally->round)
        memset(entry->held, 0, sizeof(entry->held));
    for (size_t i = p->key_columns; i < p->columns_count; i++) {
        size_t k = i - p->key_columns;

        write_sum(entry->sums[k] - entry->held[k], ret_sum);
        if (!str_equal(row->values[i].str, str_of(ret_sum))) {
            *ret_column = i;
            return TALLY_DIFFERS;
        }
    }
    return TALLY_EQUAL;
}

struct str tally_key_text(const struct projection *projection, const struct row *row,
                          struct arena *arena)
{
    struct str text = arena_dup(arena, row->values[0].str);

    for (size_t i = 1; i < projection->key_columns; i++)
        text = arena_printf(arena, STR_FMT "/" STR_FMT, STR_ARG(text), STR_ARG(row->values[i].str));
    return text;
}

void tally_unseen(const struct tally *tally, tally_visit_fn visit, void *arg)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);

    for (const struct tally_entry *entry = tally->entries; entry; entry = entry->hh.next) {
        struct row row = {.tenant = entry->tenant};

        bool all_held = entry->held_at == tally->round && entry->held_events == entry->events;

        if (entry->seen || entry->late || all_held)
            continue;
        for (size_t i = 0; i < tally->projection->key_columns; i++)
            row.values[i].str = entry->keys[i];
        visit(arg, entry->tenant, tally_key_text(tally->projection, &row, arena));
        arena_clear(arena);
    }
}
