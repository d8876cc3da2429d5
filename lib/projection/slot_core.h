/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which static member id a process takes: decided here from what the leases say, without I/O.
 *
 * A slot whose holder had our name and is dead for certain is taken at once, so that a killed
 * projector has its partitions back before its session ends. Whether a holder lives can be seen
 * only in the same pid namespace of the same boot; elsewhere it gets time to renew its lease.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_PROJECTION_SLOT_CORE_H
#define DAYBOOK_PROJECTION_SLOT_CORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SLOT_LEASE_MS = 10000,
    SLOT_RENEW_MS = 2000,
    SLOT_SILENCE_MS = 5000, /* of a holder of our name: it has missed two renewals */
    SLOTS_MAX = 1024,
};

enum slot_holder {
    SLOT_OTHER,   /* has another name */
    SLOT_DEAD,    /* had our name and is gone for certain */
    SLOT_UNKNOWN, /* has our name, lives perhaps */
    SLOT_ALIVE,   /* has our name and lives */
};

struct slot_seen {
    int number;
    enum slot_holder holder;
    bool expired;
    int64_t silent_ms; /* since its last renewal, by the database's clock */
};

enum slot_choice {
    SLOT_TAKE_OVER, /* *ret_index: of SLOTS */
    SLOT_TAKE_NEW,  /* *ret_number */
    SLOT_WAIT,      /* look again soon */
};

/* SLOTS in order of number; WAITED_MS since the first look. */
enum slot_choice slot_choose(const struct slot_seen *slots, size_t count, int64_t waited_ms,
                             size_t *ret_index, int *ret_number);

#endif
