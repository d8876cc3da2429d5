/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parked keys of one partition, as its owner knows them: what the database has, because nobody
 * else may change them. Loaded when the epoch is raised, changed after each COMMIT.
 *
 * Threads: owner only.
 */
#ifndef DAYBOOK_PROJECTION_PARKED_SET_H
#define DAYBOOK_PROJECTION_PARKED_SET_H
#include "base/scope.h"
#include "projection/parking_core.h"

struct parked_set;

struct parked_set *parked_set_new(void);
void parked_set_free(struct parked_set *set);
SCOPED_DEFINE(struct parked_set *, parked_set_free);

size_t parked_set_count(const struct parked_set *set);
void parked_set_clear(struct parked_set *set);

/* NULL: not parked. Valid until a key is added or removed. */
struct parked_key *parked_set_find(const struct parked_set *set, struct str tenant,
                                   struct str stream);
/* Adds KEY, or puts it in the place of the one of its stream; copies the names. */
struct parked_key *parked_set_put(struct parked_set *set, const struct parked_key *key);
void parked_set_remove(struct parked_set *set, struct str tenant, struct str stream);

/* Keys in no order: INDEX from 0 on. */
struct parked_key *parked_set_at(const struct parked_set *set, size_t index);

/* When the first one is due; INT64_MAX: none is. Cheap unless keys were changed. */
int64_t parked_set_due_ms(struct parked_set *set);

#endif
