/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the clients of this library share. Nobody outside lib/kafka includes it.
 */
#ifndef DAYBOOK_KAFKA_KAFKA_INTERNAL_H
#define DAYBOOK_KAFKA_KAFKA_INTERNAL_H
#include <librdkafka/rdkafka.h>

#include <stdatomic.h>

#include "base/error.h"
#include "base/scope.h"
#include "kafka/config.h"
#include "kafka/message.h"

SCOPED_DEFINE(rd_kafka_topic_partition_list_t *, rd_kafka_topic_partition_list_destroy);
SCOPED_DEFINE(rd_kafka_conf_t *, rd_kafka_conf_destroy);
SCOPED_DEFINE(rd_kafka_queue_t *, rd_kafka_queue_destroy);
SCOPED_DEFINE(rd_kafka_event_t *, rd_kafka_event_destroy);
SCOPED_DEFINE(rd_kafka_topic_t *, rd_kafka_topic_destroy);

enum { KAFKA_RDKAFKA_TEXT_MAX = 512 };

/* The only place where librdkafka's verdicts become classes. */

/* The class and code of an error code; for an rd_kafka_error_t its own flags weigh too. */
bool kafka_error_of(struct error *err, rd_kafka_resp_err_t code, const char *text);
/* Takes ERROR and frees it. */
bool kafka_error_take(struct error *err, rd_kafka_error_t *error);

/* A configuration with the pairs of common, then SECTION's, then OURS over them (ends with
 * {NULL}). */
MUST_CHECK bool kafka_conf_new(const struct kafka_config *config, const struct kafka_pairs *section,
                               const struct kafka_pair *ours, rd_kafka_conf_t **ret_conf,
                               struct error *err);
/*
 * What librdkafka tells beside the results of calls. Counters are written by its threads; the text
 * by whoever polls, the client's owner.
 */
struct kafka_watch {
    _Atomic unsigned closed_sockets;
    _Atomic unsigned errors;
    char last_error[KAFKA_RDKAFKA_TEXT_MAX]; /* "": none yet */
};
/* Makes WATCH the configuration's opaque; it must outlive the client. */
void kafka_watch_attach(rd_kafka_conf_t *conf, struct kafka_watch *watch);
/* Puts the last error's text behind ERR's: "timed out" alone says nothing. */
bool kafka_watch_explain(const struct kafka_watch *watch, struct error *err);

/* Every client's log_cb: librdkafka would write to standard error itself. Any thread. */
void kafka_log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text);

/* Takes *CONF, also when it fails. */
MUST_CHECK bool kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t **conf, rd_kafka_t **ret_rk,
                                 struct error *err);

/* Milliseconds until a monotonic deadline as librdkafka wants them: at least 0, never -1. */
int kafka_timeout_ms(int64_t deadline_ms);

struct kafka_message *kafka_message_wrap(rd_kafka_message_t *message);

#endif
