/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that accepts connections and ends those whose time is over.
 *
 * libmicrohttpd does not listen itself: its way to stop listening (MHD_quiesce_daemon) races with
 * its threads for the epoll entry of the socket and aborts the process when it loses. Accepting
 * here also spreads connections evenly over the threads and counts them exactly.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/http_internal.h"

enum {
    ACCEPT_ROUND_MAX = 64, /* then the timers have their turn */
    ACCEPT_PAUSE_MS = 100, /* when descriptors or memory are short */
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

static void admit(struct http_server *server, int fd, const struct sockaddr *address, socklen_t len)
{
    if (atomic_load(&server->connections) >= server->config.connections_max) {
        turn_away(fd);
        return;
    }
    atomic_fetch_add(&server->connections, 1);
    /* It closes what it does not take: an address with too many connections. */
    if (MHD_add_connection(server->daemon, fd, address, len) != MHD_YES)
        atomic_fetch_sub(&server->connections, 1);
}

/* False: accepting makes no sense for a while. */
static bool accept_waiting(struct http_server *server)
{
    for (int i = 0; i < ACCEPT_ROUND_MAX; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof(address);
        int fd = accept4(server->listen_fd, (struct sockaddr *)&address, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            admit(server, fd, (struct sockaddr *)&address, len);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return true;
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            return false;
        /* Else this one client is gone. */
    }
    return true;
}

static void end_overdue(struct http_server *server, const struct http_timer_limits *limits)
{
    struct http_timer_look look = {.now_ms = clock_monotonic_ms()};

    pthread_mutex_lock(&server->lock);
    for (struct http_connection *c = server->first; c != NULL; c = c->next) {
        look.stage = atomic_load_explicit(&c->stage, memory_order_relaxed);
        look.body_bytes = atomic_load_explicit(&c->body_bytes, memory_order_relaxed);
        http_timer_look_at(c->fd, &look);
        if (http_timer_expired(&c->timer, &look, limits))
            shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&server->lock);
}

static void drain_wake_fd(struct http_server *server)
{
    uint64_t count;

    (void)!read(server->wake_fd, &count, sizeof(count));
}

/* Waits for a connection, a wake-up, or the next look at the timers; true: connections wait. */
static bool wait_for_work(struct http_server *server, bool accepting, int timeout_ms)
{
    struct pollfd fds[] = {
        {.fd = server->wake_fd, .events = POLLIN},
        {.fd = accepting ? server->listen_fd : -1, .events = POLLIN},
    };

    if (poll(fds, sizeof(fds) / sizeof(fds[0]), timeout_ms) <= 0)
        return false;
    if (fds[0].revents != 0)
        drain_wake_fd(server);
    return fds[1].revents != 0;
}

void http_keeper_run(void *arg)
{
    struct http_server *server = arg;
    const struct http_timer_limits limits = {
        .header_ms = server->config.header_timeout_ms,
        .idle_ms = server->config.idle_timeout_ms,
        .body_rate_min = server->config.body_rate_min,
    };
    int64_t look_at_ms = clock_monotonic_ms();
    int64_t accept_at_ms = 0;

    while (!atomic_load(&server->keeper_stop)) {
        int64_t now_ms = clock_monotonic_ms();
        bool accepting = !atomic_load(&server->draining) && now_ms >= accept_at_ms;

        if (now_ms >= look_at_ms) {
            end_overdue(server, &limits);
            look_at_ms = now_ms + http_timer_interval_ms(&limits);
        }
        if (wait_for_work(server, accepting, (int)(look_at_ms - now_ms)) && !accept_waiting(server))
            accept_at_ms = clock_monotonic_ms() + ACCEPT_PAUSE_MS;
    }
}

void http_keeper_wake(struct http_server *server)
{
    const uint64_t one = 1;

    (void)!write(server->wake_fd, &one, sizeof(one));
}
