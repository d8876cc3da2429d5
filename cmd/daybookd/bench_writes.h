/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writes of `bench append`: events of about 300 bytes to one of WRITES_STREAMS streams, or
 * orders of one line of one of WRITES_SKUS SKUs, decided as over HTTP: two events each. All are of
 * the tenant "bench".
 *
 * Threads: the caller's only.
 */
#ifndef DAYBOOK_CMD_DAYBOOKD_BENCH_WRITES_H
#define DAYBOOK_CMD_DAYBOOKD_BENCH_WRITES_H
#include <stddef.h>
#include <stdint.h>

struct write;

enum { WRITES_SKUS = 1000, WRITES_STREAMS = 10000 };

struct writes {
    uint64_t tag;   /* another in each run: ids of orders do not repeat */
    uint64_t draws; /* the same in each run */
    uint64_t orders;
    unsigned received;    /* SKUs so far */
    unsigned events_each; /* of an append */
};

/* Each fills what is asked of WRITE, which is zero but for its arena. */
typedef void (*writes_fn)(struct writes *writes, struct write *write);

void writes_append(struct writes *writes, struct write *write);
void writes_order(struct writes *writes, struct write *write);
void writes_receive(struct writes *writes, struct write *write); /* stock of the next SKU */

#endif
