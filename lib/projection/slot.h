/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static member ids of a consumer group, <group>.<number>, leased in the database. See slot_core.h
 * for who gets which.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_SLOT_H
#define DAYBOOK_PROJECTION_SLOT_H
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"

struct pg_conn;

enum { SLOT_GROUP_MAX = 200, SLOT_MEMBER_MAX = 220 };

struct slot {
    char group[SLOT_GROUP_MAX + 1];
    int number;
    char token[UUID_TEXT_LEN + 1]; /* "": not held */
    char member[SLOT_MEMBER_MAX + 1];
};

/* Tries to take a slot of GROUP for INSTANCE; WAITED_MS since the first try. *ret_taken is false
 * when it is better to look again in a moment. */
MUST_CHECK bool slot_take(struct pg_conn *conn, const char *group, const char *instance,
                          int64_t waited_ms, struct slot *ret_slot, bool *ret_taken,
                          struct error *err);
/* FENCED: somebody else has it now. */
MUST_CHECK bool slot_renew(struct pg_conn *conn, const struct slot *slot, struct error *err);
/* Anybody may have it at once. */
MUST_CHECK bool slot_release(struct pg_conn *conn, const struct slot *slot, struct error *err);

#endif
