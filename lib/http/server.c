/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/address.h"
#include "http/http_internal.h"
#include "http/layout.h"

enum {
    STACK_BYTES = 1024 * 1024,
    /* Holds a head of HEAD_BYTES_MAX and libmicrohttpd's own records of its fields. */
    CONNECTION_BYTES = 48 * 1024,
};

static bool open_sockets(struct http_server *server, const char *listen, struct error *err)
{
    server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (server->wake_fd < 0)
        return error_set(err, ERROR_FATAL, "", "eventfd: %s", strerror(errno));
    if (!http_address_listen(listen, &server->listen_fd, err))
        return false;
    http_address_print(server->listen_fd, server->address, sizeof(server->address));
    return true;
}

static struct MHD_Daemon *start_daemon(struct http_server *server)
{
    const struct http_config *config = &server->config;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
                     MHD_ALLOW_SUSPEND_RESUME;
    /* A pool of one is refused there: one thread is no pool. */
    struct MHD_OptionItem pool[] = {
        {config->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END,
         (intptr_t)config->threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };

    return MHD_start_daemon(flags, 0, NULL, NULL, http_receive, server, /* no port: see keeper.c */
                            MHD_OPTION_STRICT_FOR_CLIENT, 1,            /* the strictest */
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                            /* Split among the threads; the keeper counts for real. */
                            MHD_OPTION_CONNECTION_LIMIT, config->connections_max * config->threads,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT, config->connections_per_address_max,
                            MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES,
                            MHD_OPTION_URI_LOG_CALLBACK, http_receive_target, server,
                            MHD_OPTION_NOTIFY_CONNECTION, http_connection_notify, server,
                            MHD_OPTION_NOTIFY_COMPLETED, http_request_finish, server,
                            MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
}

/* Signals are the main thread's business; new threads inherit the mask of their creator. */
static bool start_threads(struct http_server *server, struct error *err)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    server->daemon = start_daemon(server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (server->daemon == NULL)
        return error_set(err, ERROR_FATAL, "", "libmicrohttpd does not start: %s", strerror(errno));
    return thread_start(THREAD_HTTP, "http-keeper", http_keeper_run, server, &server->keeper, err);
}

static void server_free(struct http_server *server)
{
    if (server->daemon != NULL)
        MHD_stop_daemon(server->daemon);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    if (server->wake_fd >= 0)
        close(server->wake_fd);
    assert(server->first == NULL);
    pthread_mutex_destroy(&server->lock);
    signal_free(server->idle);
    mem_free(server);
}

bool http_server_start(const struct http_config *config, struct http_server **ret_server,
                       struct error *err)
{
    struct http_server *server;

    assert(config->threads >= 1 && config->connections_max >= 1);
    assert(config->header_timeout_ms > 0 && config->idle_timeout_ms > 0);
    assert(config->body_rate_min >= 1);
    assert(config->handler != NULL && config->body_max != NULL && config->refuse != NULL);

    server = mem_zalloc(sizeof(*server));
    server->config = *config;
    server->config.listen = NULL;
    server->check_layout = http_layout_is_known();
    server->listen_fd = -1;
    server->wake_fd = -1;
    server->idle = signal_new();
    pthread_mutex_init(&server->lock, NULL);

    if (!open_sockets(server, config->listen, err) || !start_threads(server, err)) {
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
    http_keeper_wake(server);
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

/* Streams that are still written are cut: their connections may be suspended, and libmicrohttpd
 * must not be stopped then. */
static void cut_streams(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (struct http_connection *c = server->first; c != NULL; c = c->next) {
        if (c->stream != NULL)
            http_stream_cut(c->stream);
    }
    pthread_mutex_unlock(&server->lock);
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
    cut_streams(server);

    atomic_store(&server->keeper_stop, true);
    http_keeper_wake(server);
    thread_join(server->keeper);
    server_free(server);
}
