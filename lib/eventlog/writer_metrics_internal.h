/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writer counts: commands_total{command,result}, append_batch_commands,
 * append_events_total, log_position, load_rows_total, snapshots_total{result}.
 *
 * Threads: any.
 */
#ifndef DAYBOOK_EVENTLOG_WRITER_METRICS_INTERNAL_H
#define DAYBOOK_EVENTLOG_WRITER_METRICS_INTERNAL_H
#include <stddef.h>

#include "base/units.h"

struct write;

void writer_count_write(const struct write *write); /* finished */
void writer_count_commit(size_t commands, size_t events, struct position head);
void writer_note_head(struct position head);
void writer_count_load(size_t rows);

enum snapshots_result {
    SNAPSHOTS_WRITTEN,
    SNAPSHOTS_DROPPED, /* not written, for want of room or database */
    SNAPSHOTS_REFUSED, /* read, and damaged */
};
void writer_count_snapshots(enum snapshots_result result, size_t count);

#endif
