/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/writer_metrics_internal.h"

#include "base/metrics.h"
#include "eventlog/write.h"

static struct metric commands_total = {
    .kind = METRIC_COUNTER,
    .name = "daybook_commands_total",
    .help = "Commands and raw appends (command=\"append\") answered by the writer.",
    .labels = {"command", "result"},
};

static const double batch_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

static struct metric batch_commands = {
    .kind = METRIC_HISTOGRAM,
    .name = "daybook_append_batch_commands",
    .help = "Commands that shared one transaction.",
    .bounds = batch_bounds,
    .bounds_count = sizeof(batch_bounds) / sizeof(batch_bounds[0]),
};

static struct metric events_total = {
    .kind = METRIC_COUNTER,
    .name = "daybook_append_events_total",
    .help = "Events appended by this process.",
};

static struct metric log_position = {
    .kind = METRIC_GAUGE,
    .name = "daybook_log_position",
    .help = "Last position of the log this process has seen.",
};

static struct metric load_rows_total = {
    .kind = METRIC_COUNTER,
    .name = "daybook_load_rows_total",
    .help = "Events and snapshots read to have the streams that commands look at.",
};

static struct metric snapshots_total = {
    .kind = METRIC_COUNTER,
    .name = "daybook_snapshots_total",
    .help = "Snapshots of streams that were written, dropped, or refused as damaged.",
    .labels = {"result"},
};

static const char *const snapshots_results[] = {
    [SNAPSHOTS_WRITTEN] = "written",
    [SNAPSHOTS_DROPPED] = "dropped",
    [SNAPSHOTS_REFUSED] = "refused",
};

static const char *const results[] = {
    [WRITE_APPENDED] = "appended", [WRITE_REPEATED] = "repeated",
    [WRITE_REPLAYED] = "replayed", [WRITE_KEY_REUSED] = "key_reused",
    [WRITE_KEY_BUSY] = "key_busy", [WRITE_REFUSED] = "refused",
    [WRITE_CONFLICT] = "conflict", [WRITE_UNREADABLE] = "unreadable",
    [WRITE_FAILED] = "failed",     [WRITE_TOO_MANY_CATEGORIES] = "too_many_categories",
};

static void count(const struct write *write, enum write_outcome outcome)
{
    const char *command = write->kind == WRITE_COMMAND ? write->command->name : "append";
    bool dry = write->dry_run && (outcome == WRITE_APPENDED || outcome == WRITE_REPEATED);

    METRIC_INC(&commands_total, command, dry ? "dry_run" : results[outcome]);
}

/* The commands of a group by their own outcomes; those of one that failed whole by the group's. */
void writer_count_write(const struct write *write)
{
    if (write->kind != WRITE_GROUP) {
        count(write, write->outcome);
        return;
    }
    for (size_t i = 0; i < write->parts_count; i++)
        count(&write->parts[i],
              write->outcome == WRITE_APPENDED ? write->parts[i].outcome : write->outcome);
}

void writer_note_head(struct position head)
{
    metric_set(METRIC_AT(&log_position), (double)head.n);
}

void writer_count_commit(size_t commands, size_t events, struct position head)
{
    metric_observe(METRIC_AT(&batch_commands), (double)commands);
    metric_add(METRIC_AT(&events_total), (double)events);
    writer_note_head(head);
}

void writer_count_load(size_t rows)
{
    metric_add(METRIC_AT(&load_rows_total), (double)rows);
}

void writer_count_snapshots(enum snapshots_result result, size_t count)
{
    if (count > 0)
        metric_add(METRIC_AT(&snapshots_total, snapshots_results[result]), (double)count);
}
