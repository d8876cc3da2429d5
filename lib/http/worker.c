/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An http thread's rounds: sleep, accept, go on with what was answered, let libmicrohttpd work.
 *
 * libmicrohttpd could run threads of its own, but up to 1.0.1 such a thread sleeps with work in its
 * hands: when exactly 128 events wait (its array's length), it polls for more of them without a
 * limit, and all those connections stand still until an unrelated event. Called from here it never
 * waits. Its way to stop listening (MHD_quiesce_daemon) aborts the process when it loses a race
 * with its threads, so it does not listen either. And one wake-up here serves all requests answered
 * meanwhile, where its own costs a system call each.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/http_internal.h"

enum {
    ACCEPT_ROUND_MAX = 4,  /* then the others have their turn; it also spreads connections */
    ACCEPT_PAUSE_MS = 100, /* when descriptors or memory are short */
    HOLD_SLEEP_MS = 100,   /* while requests are held that libmicrohttpd calls for */
};

#define OVERLOADED_BODY \
    "{\"type\":\"/docs/errors/overloaded\",\"title\":\"Service Unavailable\",\"status\":503," \
    "\"detail\":\"too many connections\",\"retryable\":true}"

static const char overloaded_head[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                      "Connection: close\r\n"
                                      "Content-Type: application/problem+json\r\n"
                                      "Retry-After: 1\r\n";

/* Best effort: the client may see a reset instead, as its request is not read. */
static void turn_away(int fd)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "%sContent-Length: %zu\r\n\r\n%s", overloaded_head,
                       sizeof(OVERLOADED_BODY) - 1, OVERLOADED_BODY);

    (void)!send(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(fd, SHUT_WR);
    close(fd);
}

static void admit(struct http_worker *worker, int fd, const struct sockaddr *from, socklen_t len)
{
    struct census_address address = http_census_address(from);

    if (!http_census_enter(worker->server->census, &address)) {
        turn_away(fd);
        return;
    }
    worker->arriving = &address;
    (void)MHD_add_connection(worker->daemon, fd, from, len); /* closes it if it fails */
    if (worker->arriving != NULL)
        http_census_leave(worker->server->census, &address);
    worker->arriving = NULL;
}

/* False: accepting makes no sense for a while. */
static bool accept_waiting(struct http_worker *worker)
{
    for (int i = 0; i < ACCEPT_ROUND_MAX; i++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof(from);
        int fd = accept4(worker->server->listen_fd, (struct sockaddr *)&from, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            admit(worker, fd, (struct sockaddr *)&from, len);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            return false;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return true;
        /* Else this one client is gone. */
    }
    return true;
}

/* A feed may be suspended, and then libmicrohttpd does not notice the end of its socket. */
static void end_feed(struct http_connection *c)
{
    if (c->request.state == REQUEST_SENDING && c->request.answer.feed != NULL)
        http_feed_cut(c->request.answer.feed);
}

static int64_t look_at_ms(const struct http_worker *worker)
{
    const struct http_server *server = worker->server;

    return worker->looked_ms +
           http_timer_interval_ms(&server->limits, atomic_load(&server->draining));
}

static bool is_hurried(const struct http_server *server)
{
    return server->config.hurried != NULL && server->config.hurried(server->config.arg);
}

static struct http_timer_look look_at(const struct http_connection *c, int64_t now_ms, bool hurried)
{
    const struct http_answer *answer = &c->request.answer;
    bool sending = c->request.state == REQUEST_SENDING;
    struct http_timer_look look = {
        .now_ms = now_ms,
        .stage = c->stage,
        .body_bytes = c->request.body_seen,
        .streams = sending && answer->stream != NULL,
        .hurried = hurried,
        .draining = sending && answer->feed != NULL && atomic_load(&c->worker->server->draining),
    };

    http_timer_look_at(c->fd, &look);
    return look;
}

/* libmicrohttpd notices the end of the socket as it notices that of a client. */
static void end_overdue(struct http_worker *worker, int64_t now_ms)
{
    bool hurried;

    if (now_ms < look_at_ms(worker))
        return;
    worker->looked_ms = now_ms;
    hurried = is_hurried(worker->server);
    for (struct http_connection *c = worker->first; c != NULL; c = c->next) {
        struct http_timer_look look = look_at(c, now_ms, hurried);
        bool expired = http_timer_expired(&c->timer, &look, &worker->server->limits);

        if (expired)
            shutdown(c->fd, SHUT_RDWR);
        if (expired && look.streams)
            hurried = false; /* its thread is free now: that may have been enough */
        if (expired || look.client_ended)
            end_feed(c);
    }
}

void http_worker_wake(struct http_worker *worker)
{
    const uint64_t one = 1;

    (void)!write(worker->wake_fd, &one, sizeof(one));
}

void http_worker_push_ready(struct http_worker *worker, struct http_request *r)
{
    struct http_request *newest = atomic_load_explicit(&worker->ready, memory_order_relaxed);

    do {
        r->next_ready = newest;
    } while (!atomic_compare_exchange_weak(&worker->ready, &newest, r));
    if (atomic_exchange(&worker->asleep, false))
        http_worker_wake(worker);
}

static struct http_request *take_ready(struct http_worker *worker)
{
    struct http_request *newest = atomic_exchange(&worker->ready, NULL);
    struct http_request *oldest = NULL;

    while (newest != NULL) {
        struct http_request *next = newest->next_ready;

        newest->next_ready = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void go_on(struct http_request *r)
{
    if (r->state != REQUEST_HELD) { /* a stream that has bytes again */
        MHD_resume_connection(r->connection->mhd);
        return;
    }
    r->state = r->next != NULL ? REQUEST_RETURNED : REQUEST_ANSWERED;
    if (!r->connection->ended)
        http_hold_end(r);
    else if (r->state == REQUEST_ANSWERED || http_receive_returned(r))
        http_connection_end(r->connection);
}

static void go_on_with_ready(struct http_worker *worker)
{
    struct http_request *next;

    for (struct http_request *r = take_ready(worker); r != NULL; r = next) {
        next = r->next_ready;
        go_on(r);
    }
}

/* How long there is nothing to do: not at all if libmicrohttpd or an answer waits. */
static int sleep_ms(struct http_worker *worker, int64_t now_ms)
{
    MHD_UNSIGNED_LONG_LONG timeout;

    if (MHD_get_timeout(worker->daemon, &timeout) == MHD_YES && timeout == 0 &&
        http_hold_leaves_work(worker))
        return 0;
    /* Seen by whoever pushes from here on, or what it pushed is seen here. */
    atomic_store(&worker->asleep, true);
    if (atomic_load(&worker->ready) != NULL || atomic_load(&worker->server->ending))
        return 0;
    int64_t left_ms = look_at_ms(worker) - now_ms;
    if (worker->called > 0 && left_ms > HOLD_SLEEP_MS)
        left_ms = HOLD_SLEEP_MS;
    return left_ms > 0 ? (int)left_ms : 0;
}

static void clear_wake(struct http_worker *worker)
{
    uint64_t count;

    (void)!read(worker->wake_fd, &count, sizeof(count));
}

/* True: connections wait to be accepted. */
static bool sleep_until_work(struct http_worker *worker, int64_t now_ms)
{
    bool accepting = !atomic_load(&worker->server->draining) && now_ms >= worker->accept_at_ms;
    struct pollfd fds[] = {
        {.fd = worker->epoll_fd, .events = POLLIN},
        {.fd = worker->wake_fd, .events = POLLIN},
        {.fd = accepting ? worker->server->listen_fd : -1, .events = POLLIN},
    };
    int longest_ms = sleep_ms(worker, now_ms);
    int woken = poll(fds, sizeof(fds) / sizeof(fds[0]), longest_ms);

    atomic_store(&worker->asleep, false);
    worker->suspends = woken == 0 && longest_ms > 0;
    if (woken <= 0)
        return false;
    if (fds[0].revents != 0)
        worker->quiet_rounds = 0;
    if (fds[1].revents != 0)
        clear_wake(worker);
    return fds[2].revents != 0;
}

/* libmicrohttpd must not be stopped while a connection is suspended. Every request was answered, so
 * only streams may be. */
static void end_connections(struct http_worker *worker)
{
    go_on_with_ready(worker);
    for (struct http_connection *c = worker->first; c != NULL; c = c->next) {
        if (c->request.answer.stream != NULL)
            http_stream_cut(c->request.answer.stream);
        if (c->request.answer.feed != NULL)
            http_feed_cut(c->request.answer.feed);
    }
    go_on_with_ready(worker);
    MHD_stop_daemon(worker->daemon);
}

void http_worker_run(void *arg)
{
    struct http_worker *worker = arg;

    while (!atomic_load(&worker->server->ending)) {
        int64_t now_ms = clock_monotonic_ms();

        end_overdue(worker, now_ms);
        if (sleep_until_work(worker, now_ms) && !accept_waiting(worker))
            worker->accept_at_ms = clock_monotonic_ms() + ACCEPT_PAUSE_MS;
        go_on_with_ready(worker);
        worker->goes_on = false;
        worker->quiet_rounds++;
        MHD_run(worker->daemon);
    }
    end_connections(worker);
}
