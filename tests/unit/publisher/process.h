/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publisher process in the world: the core, and a shell around it that carries out its steps on
 * the world's log, database and Kafka.
 */
#ifndef DAYBOOK_TESTS_UNIT_PUBLISHER_PROCESS_H
#define DAYBOOK_TESTS_UNIT_PUBLISHER_PROCESS_H
#include "publisher/core.h"
#include "tests/unit/publisher/world.h"

struct process {
    struct world *world;
    struct pub_core *core;
    int producer_epoch; /* of its producer; 0: it has none */
    bool doubt;         /* its connection was closed */
    int64_t lease;
    struct kafka_offset offsets[WORLD_RECORDS_MAX];
    struct event page[WORLD_EVENTS_MAX];
    enum pub_step_kind last_step;
    char outcome[PUBLISHER_DETAIL_MAX];
    int published; /* transactions that it was told are committed */
};

struct process *process_new(struct world *world, int64_t lease);
void process_free(struct process *process);
/* One step of it. */
void process_step(struct process *process);
/* Until it waits for the log to grow, is paused or stopped, or MAX steps. */
void process_settle(struct process *process);
enum publisher_state process_state(const struct process *process);
const char *process_reason(const struct process *process);
void process_request(struct process *process, const struct pub_request *request);

#endif
