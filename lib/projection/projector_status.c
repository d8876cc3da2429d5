/* SPDX-License-Identifier: Apache-2.0 */
/* What this process does, from memory. */
#include "base/arena.h"
#include "base/mem.h"
#include "projection/projector_internal.h"
#include "projection/table.h"

enum { SHOWN_MAX = 1024 };

static struct str text(struct arena *arena, const char *s)
{
    return arena_dup(arena, str_of(s));
}

static void add_partitions(const struct runner_partition *seen, size_t count, const char *owner,
                           struct arena *arena, struct projection_status *status)
{
    status->partitions = ARENA_ARRAY(arena, struct partition_status, count);
    status->partitions_count = count;
    for (size_t i = 0; i < count; i++)
        status->partitions[i] = (struct partition_status){
            .topic = text(arena, seen[i].topic),
            .partition = seen[i].number,
            .position = seen[i].view.at.position,
            .offset = seen[i].view.at.offset,
            .owner = text(arena, owner),
            .state = str_of(seen[i].view.word),
            .reason = text(arena, seen[i].view.reason),
            .since_us = seen[i].view.since_us,
            .updated_us = seen[i].view.since_us,
        };
}

/* Without partitions: the runner's own state. */
static void add_runner(struct projecting *p, struct arena *arena, struct projection_status *status)
{
    const struct error *away = &p->kafka;
    struct runner_partition *seen = mem_calloc(SHOWN_MAX, sizeof(*seen));
    struct runner_view view;
    size_t count;

    runner_look(p->runner, &view, seen, SHOWN_MAX);
    count = view.partitions_count < SHOWN_MAX ? view.partitions_count : SHOWN_MAX;
    status->state = view.assigned ? STR("running") : STR("starting");
    add_partitions(seen, count, p->owner, arena, status);
    projection_status_sum(status, arena);
    mem_free(seen);
    status->is_whole = count == 0;
    if (away->class == ERROR_NONE)
        away = &view.kafka;
    if (away->class == ERROR_NONE || str_equal(status->state, STR("blocked")))
        return;
    status->is_whole = true;
    status->state = STR("paused");
    status->reason = text(arena, away->text);
    status->since_us = p->since_us;
}

/* The live one's, if it runs here. */
static struct projecting *live_of(const struct projector *projector,
                                  const struct projection *projection)
{
    for (size_t i = 0; i < projector->count; i++)
        if (projector->projectings[i]->projection == projection &&
            atomic_load(&projector->projectings[i]->is_live))
            return projector->projectings[i];
    return NULL;
}

static void add_projection(const struct projector *projector, const struct served *served,
                           struct arena *arena, struct projection_status *status)
{
    struct projecting *p = live_of(projector, served->projection);
    const struct error *trouble = p ? &p->trouble : &served->trouble;

    *status =
        (struct projection_status){.name = str_of(served->projection->name),
                                   .generation = p ? p->table->generation : 0,
                                   .state = STR("starting"),
                                   .since_us = p ? p->since_us : served->since_us,
                                   .position = served->read.position,
                                   .lag_events = served->read.head.n - served->read.position.n,
                                   .lag_ms = served->read.lag_ms,
                                   .parked_keys = served->counts.parked_keys,
                                   .dead_letters = served->counts.letters};
    if (served->paused) {
        status->state = STR("paused");
        status->reason = STR("an operator paused it");
    } else if (p && p->runner) {
        add_runner(p, arena, status);
        return;
    } else if (trouble->class != ERROR_NONE) {
        status->state = trouble->class == ERROR_FATAL ? STR("blocked") : STR("paused");
        status->reason = text(arena, trouble->text);
    }
    status->is_whole = true;
}

void projector_status(struct projector *projector, struct arena *arena,
                      struct projection_status **ret, size_t *ret_count)
{
    struct projection_status *all =
        ARENA_ARRAY(arena, struct projection_status, projector->served_count);

    pthread_mutex_lock(&projector->mutex);
    for (size_t i = 0; i < projector->served_count; i++)
        add_projection(projector, &projector->served[i], arena, &all[i]);
    pthread_mutex_unlock(&projector->mutex);
    *ret = all;
    *ret_count = projector->served_count;
}
