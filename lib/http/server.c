/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/address.h"
#include "http/http_internal.h"
#include "http/layout.h"

enum {
    /* A head of HEAD_BYTES_MAX, libmicrohttpd's records of its fields, the answer's head. It is
     * zeroed for each request, one and a half times: with 48 KiB that was a sixth of the time. */
    CONNECTION_BYTES = 24 * 1024,
    /* Several round trips of a client that reads. */
    DRAIN_MS = 300,
    /* What a stream must be read at while others wait for its thread, but for some pauses. */
    HURRIED_RATE_MIN = 1 << 20, /* bytes a second */
    HURRIED_MS = 5000,
};

/* What 0.9.75 refuses only when strict (no Host, blanks in the target) it refuses with a doubled
 * header or silently; our own checks include it. */
static int strictness(const struct http_server *server)
{
    return server->check_layout ? 0 : 1;
}

/* A daemon that waits for nothing and listens nowhere: see worker.c. */
static struct MHD_Daemon *start_daemon(struct http_worker *worker)
{
    const struct http_config *config = &worker->server->config;

    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        http_receive, worker, MHD_OPTION_STRICT_FOR_CLIENT, strictness(worker->server),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        /* The census keeps the limits; this one must only be out of its way. */
        MHD_OPTION_CONNECTION_LIMIT, config->connections_max + 1, MHD_OPTION_URI_LOG_CALLBACK,
        http_receive_target, worker, MHD_OPTION_NOTIFY_CONNECTION, http_connection_notify, worker,
        MHD_OPTION_NOTIFY_COMPLETED, http_request_finish, worker, MHD_OPTION_END);
}

static bool start_worker(struct http_worker *worker, struct error *err)
{
    worker->daemon = start_daemon(worker);
    if (worker->daemon == NULL)
        return error_set(err, ERROR_FATAL, "", "libmicrohttpd does not start: %s", strerror(errno));
    worker->epoll_fd = MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (worker->wake_fd < 0)
        return error_set(err, ERROR_FATAL, "", "eventfd: %s", strerror(errno));
    return thread_start(THREAD_HTTP, "http", http_worker_run, worker, &worker->thread, err);
}

static void end_worker(struct http_worker *worker)
{
    if (worker->thread != NULL) {
        http_worker_wake(worker);
        thread_join(worker->thread); /* it stops its daemon */
    } else if (worker->daemon != NULL) {
        MHD_stop_daemon(worker->daemon);
    }
    assert(worker->first == NULL);
    if (worker->wake_fd >= 0)
        close(worker->wake_fd);
}

static bool start_workers(struct http_server *server, struct error *err)
{
    size_t count = server->config.threads;

    server->workers = mem_calloc(count, sizeof(*server->workers));
    for (size_t i = 0; i < count; i++) {
        struct http_worker *worker = &server->workers[server->workers_count++];

        worker->server = server;
        worker->wake_fd = -1;
        if (!start_worker(worker, err))
            return false;
    }
    return true;
}

static void server_free(struct http_server *server)
{
    atomic_store(&server->ending, true);
    for (size_t i = 0; i < server->workers_count; i++)
        end_worker(&server->workers[i]);
    mem_free(server->workers);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    http_census_free(server->census);
    signal_free(server->idle);
    mem_free(server);
}

static void assert_complete(const struct http_config *config)
{
    assert(config->threads >= 1);
    assert(config->connections_max >= 1 && config->connections_per_address_max >= 1);
    assert(config->header_timeout_ms > 0 && config->idle_timeout_ms > 0);
    assert(config->body_rate_min >= 1);
    assert(config->handler != NULL && config->body_max != NULL && config->refuse != NULL);
}

bool http_server_start(const struct http_config *config, struct http_server **ret_server,
                       struct error *err)
{
    struct http_server *server;

    assert_complete(config);

    server = mem_zalloc(sizeof(*server));
    server->config = *config;
    server->config.listen = NULL;
    server->limits = (struct http_timer_limits){.header_ms = config->header_timeout_ms,
                                                .idle_ms = config->idle_timeout_ms,
                                                .drain_ms = DRAIN_MS,
                                                .hurried_ms = HURRIED_MS,
                                                .hurried_rate_min = HURRIED_RATE_MIN,
                                                .body_rate_min = config->body_rate_min};
    server->check_layout = http_layout_is_known();
    server->listen_fd = -1;
    server->census = http_census_new(config->connections_max, config->connections_per_address_max);
    server->idle = signal_new();

    if (!http_address_listen(config->listen, &server->listen_fd, err)) {
        server_free(server);
        return false;
    }
    http_address_print(server->listen_fd, server->address, sizeof(server->address));
    if (!start_workers(server, err)) {
        server_free(server);
        return false;
    }
    *ret_server = server;
    return true;
}

const char *http_server_address(const struct http_server *server)
{
    return server->address;
}

void http_server_on_finished(struct http_server *server, http_finished_fn fn, void *arg)
{
    assert(atomic_load(&server->finished) == NULL); /* set once */
    server->finished_arg = arg;
    atomic_store_explicit(&server->finished, fn, memory_order_release);
}

void http_server_drain(struct http_server *server)
{
    if (atomic_exchange(&server->draining, true))
        return;
    /* Clients are refused from now on, and those in the backlog reset; closed when all is over. */
    shutdown(server->listen_fd, SHUT_RDWR);
    /* They look at the timers more often now. */
    for (size_t i = 0; i < server->workers_count; i++)
        http_worker_wake(&server->workers[i]);
}

bool http_server_wait_idle(struct http_server *server, int64_t timeout_ms)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    uint64_t seen = 0;

    atomic_store(&server->awaited, true);
    while (atomic_load(&server->in_flight) > 0) {
        int64_t left_ms = deadline_ms - clock_monotonic_ms();

        if (left_ms <= 0)
            return false;
        signal_wait(server->idle, &seen, left_ms);
    }
    return true;
}

void http_server_stop(struct http_server *server)
{
    if (server == NULL)
        return;
    http_server_drain(server);
    atomic_store(&server->stopping, true);
    /* Every request has been answered, but the thread that answered the last one may be in its last
     * steps, which it cannot tell us: it must not touch the server behind them. */
    while (atomic_load(&server->held) > 0)
        sched_yield();
    server_free(server);
}
