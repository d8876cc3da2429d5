/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the world: what its own files (world.c, process.c, process_steps.c) share.
 */
#ifndef DAYBOOK_TESTS_UNIT_PUBLISHER_WORLD_INTERNAL_H
#define DAYBOOK_TESTS_UNIT_PUBLISHER_WORLD_INTERNAL_H
#include "tests/unit/publisher/process.h"
#include "tests/unit/publisher/world.h"

enum { LOG_ID_LEN = 36 };

/* Whether the record is of an event that the log has. */
bool world_knows(const struct world *world, const struct world_record *record);

void world_topic_name(const char *category, char out[CURSOR_TOPIC_MAX]);
struct world_topic *world_find_topic(struct world *world, const char *name); /* NULL: none */
/* Finds it or makes it. */
struct world_topic *world_make_topic(struct world *world, const char *name);
struct world_record *world_add_record(struct world_partition *partition); /* at its end */

/* The coordinator ends what it knows of; records of partitions it does not know of stay open. */
/* Committed, but for the partitions of LOST, whose records stay open. */
void world_lose_markers(struct world *world, size_t lost);
/* Adds what is open in TOPIC (NULL: the cursor's) to the open transaction. */
void world_end_hanging(struct world *world, const char *topic);
void world_end_transaction(struct world *world, enum record_state state);
int world_open_producer(struct world *world); /* returns its epoch */

/* Carries out a step and tells the core. False: it failed as *err says, the core knows nothing. */
bool process_perform(struct process *process, const struct pub_step *step, struct error *err);

#endif
