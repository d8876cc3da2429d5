/* SPDX-License-Identifier: Apache-2.0 */
/* Events into the temporary table, a batch at a time. */
#include "base/buf.h"
#include "postgres/pg.h"
#include "projection/events_json.h"
#include "projection/table.h"
#include "verify/shadow_internal.h"

#include <stdio.h>

static void tell_refused(struct shadow *shadow, const struct event *event, const struct error *why)
{
    struct finding finding = {.kind = FINDING_LOST,
                              .part = VERIFY_MODELS,
                              .name = str_of(shadow->table->projection->name),
                              .partition = -1,
                              .tenant = event->tenant,
                              .key = event->stream,
                              .position = event->position,
                              .version = event->version};
    char text[TEXT_MAX];

    snprintf(text, sizeof(text), "is not parked, though it can not be applied: %s", why->text);
    finding.text = str_of(text);
    verifier_found(shadow->v, &finding);
}

static bool run_statements(struct shadow *shadow, struct str events, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, events);
    for (size_t i = 0; i < shadow->table->apply_count; i++)
        if (!pg_query_once(shadow->v->conn, shadow->statements[i].data,
                           shadow->reads_events[i] ? &params : NULL, NULL, err))
            return false;
    return true;
}

/* All of them or none, within a transaction or without. */
static bool apply(struct shadow *shadow, const struct event *events, size_t count,
                  struct error *err)
{
    struct pg_conn *conn = shadow->v->conn;
    bool within = pg_in_transaction(conn);
    struct events_json json;
    struct error rolled_back;
    bool ok = true;

    events_json_init(&json);
    for (size_t i = 0; ok && i < count; i++)
        ok = events_json_add(&json, shadow->table->projection, &events[i], shadow->arena, err) ==
             EVENTS_ADDED;
    ok = ok && (within ? pg_script(conn, "savepoint daybook_batch", err) : pg_begin(conn, err)) &&
         run_statements(shadow, events_json_end(&json), err) &&
         (within ? pg_script(conn, "release savepoint daybook_batch", err) : pg_commit(conn, err));
    events_json_release(&json);
    if (ok)
        return true;
    if (!within)
        pg_rollback(conn);
    else if (!pg_script(conn, "rollback to savepoint daybook_batch", &rolled_back))
        *err = rolled_back;
    return false;
}

/* As the projector does: what is refused together is halved until the culprit stands alone. */
static bool apply_halving(struct shadow *shadow, const struct event *events, size_t count,
                          struct error *err)
{
    size_t half = count / 2;

    if (apply(shadow, events, count, err))
        return true;
    if (err->class != ERROR_POISON)
        return false;
    if (count > 1)
        return apply_halving(shadow, events, half, err) &&
               apply_halving(shadow, events + half, count - half, err);
    tell_refused(shadow, events, err);
    return true;
}

bool shadow_flush(struct shadow *shadow, struct error *err)
{
    size_t count = shadow->count;
    bool ok = count == 0 || apply_halving(shadow, shadow->events, count, err);

    shadow->count = shadow->bytes = 0;
    arena_clear(shadow->arena);
    return ok;
}

bool shadow_add(struct shadow *shadow, const struct event *event, struct error *err)
{
    struct arena *arena = shadow->arena;
    size_t bytes = event->data.len + event->metadata.len + 1024;
    struct event *kept;

    if (shadow->count > 0 &&
        (shadow->count == SHADOW_EVENTS || shadow->bytes + bytes > EVENTS_JSON_BYTES_MAX / 2) &&
        !shadow_flush(shadow, err))
        return false;
    kept = &shadow->events[shadow->count++];
    shadow->bytes += bytes;
    *kept = *event;
    kept->origin = (struct origin){0};
    kept->id = arena_dup(arena, event->id);
    kept->type = arena_dup(arena, event->type);
    kept->tenant = arena_dup(arena, event->tenant);
    kept->stream = arena_dup(arena, event->stream);
    kept->data = arena_dup(arena, event->data);
    if (event->metadata.data)
        kept->metadata = arena_dup(arena, event->metadata);
    return true;
}
