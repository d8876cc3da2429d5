/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event as CloudEvents 1.0 in structured mode (JSON): the same attributes as its record in Kafka
 * has as headers. Numbers that a CloudEvents integer can not hold are strings.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_EVENTLOG_CLOUD_EVENT_H
#define DAYBOOK_EVENTLOG_CLOUD_EVENT_H
#include "eventlog/event.h"

struct buf;

/* SOURCE: "/daybook/<log uuid>". One JSON object; `data` byte for byte. */
void cloud_event_write(const struct event *event, struct str source, struct buf *out);

#endif
