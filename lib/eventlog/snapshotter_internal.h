/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that writes snapshots, on a connection of its own: off the commands' way, and whatever
 * happens to it costs a longer load at most.
 *
 * Threads: offer and forget the writer's; start and stop the one that starts and stops the writer.
 */
#ifndef DAYBOOK_EVENTLOG_SNAPSHOTTER_INTERNAL_H
#define DAYBOOK_EVENTLOG_SNAPSHOTTER_INTERNAL_H
#include "base/error.h"
#include "eventlog/snapshot_internal.h"
#include "postgres/pg.h"

struct snapshotter;

MUST_CHECK bool snapshotter_start(const struct pg_config *postgres, struct snapshotter **ret,
                                  struct error *err);
/* What still waits is dropped. NULL is fine. */
void snapshotter_stop(struct snapshotter *snapshotter);

void snapshotter_offer(struct snapshotter *snapshotter, struct snapshot snapshot); /* takes it */
/* Drops what waits: it is of a log that may have gone back. */
void snapshotter_forget(struct snapshotter *snapshotter);

#endif
