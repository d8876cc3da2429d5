/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What workers look up in Kafka themselves, outside the group: the cursor, to compare it with the
 * log, and where a partition ends. One reader for all workers of a process.
 *
 * Threads: any.
 */
#ifndef DAYBOOK_PROJECTION_LOOK_H
#define DAYBOOK_PROJECTION_LOOK_H
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scope.h"
#include "base/units.h"
#include "eventlog/identity.h"
#include "kafka/config.h"

struct look;
struct pg_conn;

/* KAFKA and IDENTITY must live longer. No network yet. */
struct look *look_new(const struct kafka_config *kafka, const struct log_identity *identity);
void look_free(struct look *look);
SCOPED_DEFINE(struct look *, look_free);

/*
 * Whether the log that CONN sees is the one Kafka was written from: the event at the cursor's
 * position is there, with the cursor's id. False with TRANSIENT "log-behind", "log-differs",
 * "cursor-lost", or when either could not be asked: apply nothing, look again. FATAL
 * "log-replaced": the database holds another log now.
 */
MUST_CHECK bool look_check_log(struct look *look, struct pg_conn *conn, struct error *err);

/* The offset behind the last committed record of a partition. */
MUST_CHECK bool look_end(struct look *look, const char *topic, int32_t partition,
                         struct kafka_offset *ret_end, struct error *err);

#endif
