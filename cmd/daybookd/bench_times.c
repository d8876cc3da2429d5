/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybookd/bench_times.h"

#include <stddef.h>

/* Below 2 * TIMES_FINE a step is a microsecond; above, each doubling has TIMES_FINE of them. */
static size_t step_of(uint64_t us)
{
    unsigned octave = 0;

    while (us >> octave >= 2 * (uint64_t)TIMES_FINE && octave < TIMES_OCTAVES - 1)
        octave++;
    uint64_t fine = us >> octave;
    if (fine >= 2 * (uint64_t)TIMES_FINE)
        fine = 2 * (uint64_t)TIMES_FINE - 1;
    return octave * TIMES_FINE + (size_t)fine;
}

/* The first time that belongs to the step behind it. */
static int64_t end_of(size_t step)
{
    size_t octave = step < 2 * TIMES_FINE ? 0 : step / TIMES_FINE - 1;

    return (int64_t)(step - octave * TIMES_FINE + 1) << octave;
}

void times_add(struct times *times, int64_t us)
{
    times->counts[step_of(us > 0 ? (uint64_t)us : 0)]++;
    times->total++;
}

int64_t times_at(const struct times *times, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)times->total);
    uint64_t seen = 0;

    if (times->total == 0)
        return 0;
    for (size_t i = 0; i < TIMES_STEPS; i++) {
        seen += times->counts[i];
        if (seen > wanted)
            return end_of(i);
    }
    return end_of(TIMES_STEPS - 1);
}
