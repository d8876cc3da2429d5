/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a connection has had its time: a header that takes too long, a body that crawls, a client
 * that sends or reads nothing, reads a stream too slowly, or holds up a server that drains.
 *
 * libmicrohttpd's own time-out counts from the last byte, so a dripped header outlives it, and it
 * tells nobody when the first byte of a header arrives. So a connection's http thread only notes
 * its stage, and one thread looks at all connections at short intervals, with the kernel's counters
 * of bytes received and acknowledged. Times are those of the looks: they lag by at most one
 * interval, and http threads never read a clock for them.
 *
 * Threads: a struct http_timer belongs to the thread that looks.
 */
#ifndef DAYBOOK_HTTP_TIMERS_H
#define DAYBOOK_HTTP_TIMERS_H
#include <stdbool.h>
#include <stdint.h>

enum timer_stage {
    STAGE_BETWEEN, /* no request line yet: idle, or the line is coming in */
    STAGE_HEADER,  /* the request line is here */
    STAGE_BODY,
    STAGE_HELD,    /* the handler has it; no time is measured */
    STAGE_SENDING, /* the answer is going out */
};

/* A stage, and how many came before it on this connection. */
#define TIMER_STAGE_FIRST ((uint64_t)STAGE_BETWEEN)

static inline uint64_t timer_stage_next(uint64_t word, enum timer_stage stage)
{
    return ((word >> 3) + 1) << 3 | (uint64_t)stage;
}

static inline enum timer_stage timer_stage_of(uint64_t word)
{
    return (enum timer_stage)(word & 7);
}

struct http_timer_limits {
    int64_t header_ms;
    int64_t idle_ms;
    int64_t drain_ms;       /* without progress of a feed, once the server drains */
    uint64_t body_rate_min; /* bytes a second */
    int64_t hurried_ms;     /* as header_ms and body_rate_min, of a stream others wait for */
    uint64_t hurried_rate_min;
};

struct http_timer {
    bool looked; /* at least once */
    uint64_t stage;
    int64_t since_ms;        /* this stage */
    bool header_begun;       /* a byte of the header was seen */
    int64_t header_since_ms; /* then */
    uint64_t bytes;          /* received, of the body or acknowledged, by stage */
    int64_t progress_ms;     /* when that last grew */
    int64_t lag_ms;          /* a stream's: waited for its client beyond what it earned */
    int64_t hurried_lag_ms;  /* the same, were it hurried */
    int64_t lag_seen_ms;     /* when those were last reckoned */
    bool draining;           /* at the last look */
};

/* What one look sees. */
struct http_timer_look {
    int64_t now_ms;
    uint64_t stage;
    uint64_t body_bytes; /* of the body so far */
    uint64_t received;   /* by the kernel on this connection */
    uint64_t acked;      /* by the client on this connection */
    bool unsent;         /* bytes wait in the kernel to be acknowledged */
    bool streams;        /* the answer is a stream: a thread may wait for the client */
    bool hurried;        /* and somebody else for the thread */
    bool client_ended;   /* it will send nothing more */
    bool draining;       /* the answer is a feed, and the server drains */
};

/* True: shut it. */
bool http_timer_expired(struct http_timer *timer, const struct http_timer_look *look,
                        const struct http_timer_limits *limits);

/* The kernel's part of a look; all zero where it does not tell. */
void http_timer_look_at(int fd, struct http_timer_look *look);

/* How often to look, so that no limit is missed by more than an eighth. */
int http_timer_interval_ms(const struct http_timer_limits *limits, bool draining);

#endif
