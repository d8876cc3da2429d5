/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests against a real broker share: its address from the environment, names of their own, and
 * short ways to make topics and records.
 */
#ifndef DAYBOOK_TESTS_INTEGRATION_KAFKA_KAFKA_FIXTURE_H
#define DAYBOOK_TESTS_INTEGRATION_KAFKA_KAFKA_FIXTURE_H
#include <check.h>
#include <stdint.h>

#include "base/error.h"
#include "kafka/admin.h"
#include "kafka/config.h"
#include "kafka/producer.h"
#include "kafka/reader.h"

enum { FIXTURE_TIMEOUT_MS = 60000, FIXTURE_NAME_MAX = 64 };

#define ck_ok_in(call, err) ck_assert_msg((call), "%s: %s [%s]", #call, (err)->text, (err)->code)
#define ck_ok(call) ck_ok_in(call, &err)

/* Of DAYBOOK_TEST_KAFKA_BROKERS; lives for ever. */
const struct kafka_config *fixture_kafka(void);
/* The same through another address. */
struct kafka_config fixture_kafka_at(const char *brokers, struct kafka_pair pairs[static 1]);

int64_t fixture_deadline(void);
void fixture_name(char out[FIXTURE_NAME_MAX], const char *what); /* unique in this broker */
void fixture_topic(char out[FIXTURE_NAME_MAX], int32_t partitions);

void fixture_delete_topic(const char *topic); /* and waits until it is gone */
/* Runs the control of test-services: "kill", "stop", "start"; "kafka", "postgres". */
void fixture_control(const char *verb, const char *service);
/* Ends every connection of this process to the broker, at once. Returns how many. */
int fixture_cut_kafka(void);

struct kafka_producer *fixture_producer(const char *transactional_id);
void fixture_produce(struct kafka_producer *producer, const char *topic, int32_t partition,
                     const char *key, const char *value);
/* One transaction of COUNT records with values "1", "2", ...; commits unless LEAVE_OPEN. */
void fixture_transaction(struct kafka_producer *producer, const char *topic, int32_t partition,
                         int first, int count);

/* Until what was committed is visible: a commit is answered before its markers are written. No
 * transaction may be open in the partition. */
void fixture_await_markers(const char *topic, int32_t partition);

/* The values of a whole partition, separated by blanks, as ISOLATION shows them. */
void fixture_values(const char *topic, int32_t partition, enum kafka_isolation isolation, char *out,
                    size_t out_bytes);

#endif
