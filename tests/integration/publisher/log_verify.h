/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Kafka holds of a log, as any committed consumer sees it, held against the log. Records with
 * a header "forged" are passed over.
 *
 * Threads: the test's.
 */
#ifndef DAYBOOK_TESTS_INTEGRATION_PUBLISHER_LOG_VERIFY_H
#define DAYBOOK_TESTS_INTEGRATION_PUBLISHER_LOG_VERIFY_H
#include "tests/integration/publisher/log_fixture.h"

/*
 * Reads every topic of CATEGORIES (separated by blanks) with read_committed and fails unless each
 * event up to the head is there exactly once, in order within its partition, in its key's
 * partition, with a chain of previous positions, and as the log has it.
 */
void log_verify(struct log_fixture *log, const char *categories);
/* The same for the events from position FROM on; what is below may be there or not. */
void log_verify_from(struct log_fixture *log, const char *categories, int64_t from);
/* The same in these partitions (bits) only. */
void log_verify_only(struct log_fixture *log, const char *categories, int64_t from, int partitions);

/* How many events of this log a committed reader finds. */
int64_t log_visible(struct log_fixture *log, const char *categories);

#endif
