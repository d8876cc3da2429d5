/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/slot_core.h"

static bool is_free(const struct slot_seen *slot)
{
    return slot->expired || slot->holder == SLOT_DEAD ||
           (slot->holder == SLOT_UNKNOWN && slot->silent_ms >= SLOT_SILENCE_MS);
}

/* The lowest number nobody has. */
static int number_next(const struct slot_seen *slots, size_t count)
{
    int number = 0;

    for (size_t i = 0; i < count && slots[i].number == number; i++)
        number++;
    return number;
}

enum slot_choice slot_choose(const struct slot_seen *slots, size_t count, int64_t waited_ms,
                             size_t *ret_index, int *ret_number)
{
    size_t best = count;
    bool unsure = false;

    for (size_t i = 0; i < count; i++) {
        bool was_ours = slots[i].holder == SLOT_DEAD || slots[i].holder == SLOT_UNKNOWN;

        if (is_free(&slots[i]) && (best == count || (was_ours && slots[best].holder == SLOT_OTHER)))
            best = i;
        unsure |= slots[i].holder == SLOT_UNKNOWN && !is_free(&slots[i]);
    }
    /* Its name's own slot has its partitions: worth the wait until its holder shows itself. */
    if (unsure && waited_ms < SLOT_SILENCE_MS &&
        (best == count || slots[best].holder == SLOT_OTHER))
        return SLOT_WAIT;
    if (best < count) {
        *ret_index = best;
        return SLOT_TAKE_OVER;
    }
    *ret_number = number_next(slots, count);
    return SLOT_TAKE_NEW;
}
