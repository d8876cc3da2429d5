/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshots of a log in memory: kept and given out under the rules of the statements
 * (snapshots_save, events_load).
 *
 * Threads: owner only.
 */
#ifndef DAYBOOK_TESTS_UNIT_EVENTLOG_FAKE_SNAPSHOTS_H
#define DAYBOOK_TESTS_UNIT_EVENTLOG_FAKE_SNAPSHOTS_H
#include "eventlog/snapshot_internal.h"
#include "tests/unit/eventlog/fake_log.h"

struct fake_snapshot {
    int64_t stream_id;
    int64_t version;
    int32_t schema;
    int64_t position;
    int64_t recorded_at_us;
    int64_t hash;
    char *state;
};

/* Copies it, if the log holds its event and nothing newer of its kind. */
void fake_snapshots_keep(struct fake_log *log, const struct snapshot *snapshot);
struct fake_snapshot *fake_snapshot(const struct fake_log *log, const char *stream); /* or NULL */
/* Its state becomes TEXT; RIGHTLY: under a hash that vouches for it. */
void fake_snapshot_damage(struct fake_snapshot *snapshot, const struct aggregate_type *type,
                          const char *text, bool rightly);
/* The one that this load may begin with, or NULL. */
const struct fake_snapshot *fake_snapshots_find(const struct fake_log *log,
                                                const struct core_load *load);
void fake_snapshots_release(struct fake_log *log);

#endif
