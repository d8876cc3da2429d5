/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that sends bytes as given and reads what comes, one reply at a time. Whatever goes wrong
 * on its side fails the test.
 *
 * Threads: owner only.
 */
#ifndef DAYBOOK_TESTS_UNIT_HTTP_RAW_CLIENT_H
#define DAYBOOK_TESTS_UNIT_HTTP_RAW_CLIENT_H
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { RAW_WAIT_MS = 10000 };

struct raw_client {
    int fd;
    struct buf in;
    size_t used; /* of the bytes in `in`: replies already read */
};

struct raw_reply {
    int status; /* 0: the connection ended without one */
    struct str head;
    struct str body; /* chunks joined */
    bool whole;      /* false: the connection ended in the middle of the body */
};

void raw_connect(struct raw_client *client, const char *address); /* "http://127.0.0.1:1234" */
void raw_connect_from(struct raw_client *client, const char *address, const char *from);
bool raw_connects(const char *address); /* whether anybody listens */
void raw_close(struct raw_client *client);
void raw_reset(struct raw_client *client); /* closes it with a reset, not an end */

void raw_send(struct raw_client *client, struct str bytes);
/* May fail, as a server that has refused does not read on. */
void raw_send_loosely(struct raw_client *client, struct str bytes);

/* The reply's texts live until the next call. WITHOUT_BODY: to a HEAD. */
struct raw_reply raw_receive(struct raw_client *client, bool without_body);
struct raw_reply raw_request(struct raw_client *client, const char *request);

/* A header's value, "" when absent. */
struct str raw_header(const struct raw_reply *reply, const char *name);

void raw_read_some(struct raw_client *client); /* waits for bytes and keeps them */
/* Keeps what comes for TIMEOUT_MS; false: the connection ended. */
bool raw_stays_open(struct raw_client *client, int64_t timeout_ms);
/* Waits for the end of the connection, whatever comes before it. */
void raw_skip(struct raw_client *client);
/* Waits for the end of the connection; false: bytes came, or it stayed open for TIMEOUT_MS. */
bool raw_ends(struct raw_client *client, int64_t timeout_ms);

#endif
