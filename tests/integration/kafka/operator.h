/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator, or retention, does to topics under a publisher's feet. Daybook itself never
 * does any of it, so lib/kafka has no words for it.
 *
 * Threads: the test's. What goes wrong ends the test.
 */
#ifndef DAYBOOK_TESTS_INTEGRATION_KAFKA_OPERATOR_H
#define DAYBOOK_TESTS_INTEGRATION_KAFKA_OPERATOR_H
#include <stddef.h>
#include <stdint.h>

#include "kafka/config.h"

enum { OPERATOR_TO_THE_END = -1 };

/* As retention would: everything below the offset is gone. */
void operator_delete_records(const char *topic, int32_t partition, int64_t before);
void operator_grow(const char *topic, int32_t partitions);
/* The topic has these settings, and else the broker's. */
void operator_configure(const char *topic, const struct kafka_pair *settings, size_t count);

#endif
