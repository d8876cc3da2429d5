/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that keeps this process and the database acquainted: checks the schema and reads the
 * log's identity before any role starts, then reports heartbeats and keeps partitions ahead.
 *
 * PostgreSQL may be away: it goes on trying. A schema that does not fit is no fault that passes.
 *
 * Threads: keeper_status() from any; the rest from main.
 */
#ifndef DAYBOOK_CMD_DAYBOOKD_KEEPER_H
#define DAYBOOK_CMD_DAYBOOKD_KEEPER_H
#include "base/error.h"
#include "eventlog/identity.h"
#include "eventlog/processes.h"
#include "eventlog/upkeep.h"
#include "postgres/pg.h"

struct buf;
struct keeper;

struct keeper_config {
    struct pg_config postgres;
    struct upkeep_config upkeep;
    struct process process; /* strings live longer */
    /* Writes the heartbeat's JSON object; on the keeper's thread, once acquainted. */
    void (*write_detail)(void *arg, struct buf *out);
    /* Called once on the keeper's thread, when acquainted or refused. */
    void (*decided)(void *arg);
    void *arg;
};

enum keeper_state {
    KEEPER_TRYING,
    KEEPER_ACQUAINTED, /* schema and identity are known: roles may start */
    KEEPER_REFUSED,    /* the schema does not fit: the process can not do its work */
};

struct keeper_status {
    enum keeper_state state;
    bool connected;               /* the last statement was answered */
    struct error error;           /* when not connected, or refused */
    struct log_identity identity; /* KEEPER_ACQUAINTED */
};

MUST_CHECK bool keeper_start(const struct keeper_config *config, struct keeper **ret_keeper,
                             struct error *err);
void keeper_stop(struct keeper *keeper); /* takes the process off the list */
void keeper_status(struct keeper *keeper, struct keeper_status *ret);

#endif
