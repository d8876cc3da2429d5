/* SPDX-License-Identifier: Apache-2.0 */
#include "http/timers.h"

/* <netinet/tcp.h> has the structure as it was before the counters of bytes. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
    INTERVAL_MIN_MS = 10,
    INTERVAL_MAX_MS = 500,
    STATE_CLOSE = 7,      /* TCP_CLOSE of <netinet/tcp.h>: it was reset */
    STATE_CLOSE_WAIT = 8, /* TCP_CLOSE_WAIT: it has ended its side */
};

static uint64_t counter(const struct http_timer_look *look)
{
    switch (timer_stage_of(look->stage)) {
    case STAGE_BETWEEN:
        return look->received;
    case STAGE_BODY:
        return look->body_bytes;
    case STAGE_SENDING:
        return look->acked;
    case STAGE_HEADER:
    case STAGE_HELD:
        break;
    }
    return 0;
}

static void stage_entered(struct http_timer *timer, const struct http_timer_look *look)
{
    /* The request line was complete: the same header goes on. */
    bool continues = timer->looked && timer->header_begun &&
                     look->stage == timer_stage_next(timer->stage, STAGE_HEADER);

    if (!continues)
        timer->header_begun = false;
    /* All bytes of a new connection are a header's. Later the counter may hold what was pipelined
     * behind the last request: such a header counts as idle until its next byte. */
    timer->bytes = look->stage == TIMER_STAGE_FIRST ? 0 : counter(look);
    timer->looked = true;
    timer->stage = look->stage;
    timer->since_ms = look->now_ms;
    timer->progress_ms = look->now_ms;
    timer->lag_ms = 0;
    timer->hurried_lag_ms = 0;
    timer->lag_seen_ms = look->now_ms;
}

static bool header_expired(struct http_timer *timer, const struct http_timer_look *look,
                           const struct http_timer_limits *limits)
{
    bool begun = timer_stage_of(look->stage) == STAGE_HEADER || look->received != timer->bytes;

    if (begun && !timer->header_begun) {
        timer->header_begun = true;
        timer->header_since_ms = look->now_ms;
    }
    if (timer->header_begun)
        return look->now_ms - timer->header_since_ms >= limits->header_ms;
    return look->now_ms - timer->since_ms >= limits->idle_ms;
}

static bool stalled(struct http_timer *timer, const struct http_timer_look *look,
                    const struct http_timer_limits *limits)
{
    uint64_t now = counter(look);

    if (now != timer->bytes) {
        timer->bytes = now;
        timer->progress_ms = look->now_ms;
    }
    return look->now_ms - timer->progress_ms >= limits->idle_ms;
}

/* As long as a header may take, and longer by a second for each body_rate_min bytes. */
static bool crawls(const struct http_timer *timer, const struct http_timer_look *look,
                   const struct http_timer_limits *limits)
{
    int64_t earned_ms = (int64_t)(look->body_bytes * 1000 / limits->body_rate_min);

    return look->now_ms - timer->since_ms >= limits->header_ms + earned_ms;
}

/* Waited longer, less what the bytes taken since earn at a rate. */
static int64_t lag_on(int64_t lag_ms, const struct http_timer *timer,
                      const struct http_timer_look *look, uint64_t rate)
{
    int64_t earned_ms = (int64_t)((counter(look) - timer->bytes) * 1000 / rate);

    lag_ms += look->now_ms - timer->lag_seen_ms - earned_ms;
    return look->unsent && lag_ms > 0 ? lag_ms : 0;
}

/*
 * A stream's client may keep bytes waiting as long as a header may take; each body_rate_min bytes
 * it takes earn back a second, never more than was used: what the kernels buffer at first must not
 * pay for hours of crawling. Where somebody waits for the stream's thread, less time and a higher
 * rate count, from before he came. Called before the look's progress is noted.
 */
static bool lags(struct http_timer *timer, const struct http_timer_look *look,
                 const struct http_timer_limits *limits)
{
    timer->lag_ms = lag_on(timer->lag_ms, timer, look, limits->body_rate_min);
    timer->hurried_lag_ms = lag_on(timer->hurried_lag_ms, timer, look, limits->hurried_rate_min);
    timer->lag_seen_ms = look->now_ms;
    return timer->lag_ms >= limits->header_ms ||
           (look->hurried && timer->hurried_lag_ms >= limits->hurried_ms);
}

/*
 * A feed has no end of its own: its source has been told to end it, and a client that takes nothing
 * never sees that. Nobody else waits for it, as it can resume. Its time begins with the drain, as
 * looks were seldom before. Called behind the look's progress was noted.
 */
static bool holds_up(struct http_timer *timer, const struct http_timer_look *look,
                     const struct http_timer_limits *limits)
{
    if (look->draining && !timer->draining)
        timer->progress_ms = look->now_ms;
    timer->draining = look->draining;
    return look->draining && look->now_ms - timer->progress_ms >= limits->drain_ms;
}

/*
 * More is to come from a client that has ended, and there is no news since the last look.
 * libmicrohttpd does not see an end that came together with the last bytes: it waits for another
 * event after a read that did not fill its buffer, and there is none.
 */
static bool abandoned(const struct http_timer *timer, const struct http_timer_look *look)
{
    return look->client_ended && look->now_ms > timer->since_ms &&
           timer_stage_of(look->stage) <= STAGE_BODY && counter(look) == timer->bytes;
}

bool http_timer_expired(struct http_timer *timer, const struct http_timer_look *look,
                        const struct http_timer_limits *limits)
{
    if (!timer->looked || timer->stage != look->stage)
        stage_entered(timer, look);
    if (abandoned(timer, look))
        return true;

    switch (timer_stage_of(look->stage)) {
    case STAGE_BETWEEN:
    case STAGE_HEADER:
        return header_expired(timer, look, limits);
    case STAGE_BODY:
        return stalled(timer, look, limits) || crawls(timer, look, limits);
    case STAGE_SENDING:
        /* A stream that has nothing to send is not the client's fault. */
        if (!look->unsent)
            timer->progress_ms = look->now_ms;
        return (look->streams && lags(timer, look, limits)) || stalled(timer, look, limits) ||
               holds_up(timer, look, limits);
    case STAGE_HELD:
        break;
    }
    return false;
}

void http_timer_look_at(int fd, struct http_timer_look *look)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return;
    look->received = info.tcpi_bytes_received;
    look->acked = info.tcpi_bytes_acked;
    look->client_ended = info.tcpi_state == STATE_CLOSE_WAIT || info.tcpi_state == STATE_CLOSE;
    look->unsent = info.tcpi_unacked > 0 || info.tcpi_notsent_bytes > 0;
}

int http_timer_interval_ms(const struct http_timer_limits *limits, bool draining)
{
    int64_t shortest = limits->header_ms < limits->idle_ms ? limits->header_ms : limits->idle_ms;
    int64_t interval = (draining && limits->drain_ms < shortest ? limits->drain_ms : shortest) / 8;

    if (interval < INTERVAL_MIN_MS)
        return INTERVAL_MIN_MS;
    return interval > INTERVAL_MAX_MS ? INTERVAL_MAX_MS : (int)interval;
}
