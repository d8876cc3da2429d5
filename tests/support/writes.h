/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes for tests, made in one line each; they belong to the test and are freed by write_drop.
 *
 * Threads: owner only, but for what write.h says.
 */
#ifndef DAYBOOK_TESTS_SUPPORT_WRITES_H
#define DAYBOOK_TESTS_SUPPORT_WRITES_H
#include "eventlog/write.h"
#include "tests/support/accounts.h"

struct write *write_command(const struct command_type *command, const char *id, int64_t amount);
struct write *write_open(const char *id, const char *partner);

/* A raw append of COUNT events to one stream. IDS: one id for each event, separated by blanks;
 * NULL: the writer makes them. */
struct write *write_append(const char *stream, size_t count, const char *ids);
/* Another stream for an append; COUNT 0: only checked. */
void write_also(struct write *write, const char *stream, struct expectation expected, size_t count,
                const char *ids);
/* An empty group; write_part() adds a command and returns it. */
struct write *write_group(bool atomic);
struct write *write_part(struct write *group, const struct command_type *command, const char *id,
                         int64_t amount);
struct write *write_part_open(struct write *group, const char *id, const char *partner);
/* Makes it a dry run, without keys. */
void write_dry(struct write *write);
void write_expect(struct write *write, struct expectation expected); /* of the first stream */
void write_key(struct write *write, const char *key, const char *hash);
/* When it is done it is pushed to this queue. */
struct queue;
void write_announce(struct write *write, struct queue *finished);
void write_drop(struct write *write);

#define ANY ((struct expectation){.kind = EXPECT_ANY})
#define NONE ((struct expectation){.kind = EXPECT_NONE})
#define EXISTS ((struct expectation){.kind = EXPECT_EXISTS})
#define EXACT(number) ((struct expectation){.kind = EXPECT_EXACT, .version = {number}})

#endif
