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

static void add_projection(struct projecting *p, struct arena *arena,
                           struct projection_status *status)
{
    *status = (struct projection_status){.name = str_of(p->projection->name),
                                         .generation = p->table ? p->table->generation : 0,
                                         .state = STR("starting"),
                                         .since_us = p->since_us,
                                         .position = p->read.position,
                                         .lag_events = p->read.head.n - p->read.position.n,
                                         .lag_ms = p->read.lag_ms};
    if (p->runner) {
        add_runner(p, arena, status);
        return;
    }
    status->is_whole = true;
    if (p->trouble.class != ERROR_NONE) {
        status->state = p->trouble.class == ERROR_FATAL ? STR("blocked") : STR("paused");
        status->reason = text(arena, p->trouble.text);
    }
}

void projector_status(struct projector *projector, struct arena *arena,
                      struct projection_status **ret, size_t *ret_count)
{
    struct projection_status *all = ARENA_ARRAY(arena, struct projection_status, projector->count);

    pthread_mutex_lock(&projector->mutex);
    for (size_t i = 0; i < projector->count; i++)
        add_projection(&projector->projectings[i], arena, &all[i]);
    pthread_mutex_unlock(&projector->mutex);
    *ret = all;
    *ret_count = projector->count;
}
