/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/proxy.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum { PAIRS_MAX = 64, CHUNK_BYTES = 64 << 10 };

struct pair {
    int client; /* -1: free */
    int server;
};

struct proxy {
    int listener;
    int port;
    int target_port;
    int wake; /* eventfd: an order was given */
    pthread_t thread;

    pthread_mutex_t mutex; /* guards all below */
    enum proxy_mode mode;
    bool stopping;
    struct pair pairs[PAIRS_MAX];
};

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static int connect_to(int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void close_pair(struct pair *pair)
{
    close(pair->client);
    close(pair->server);
    pair->client = -1;
}

static void accept_pair(struct proxy *proxy)
{
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    int server = client >= 0 ? connect_to(proxy->target_port) : -1;

    for (int i = 0; server >= 0 && i < PAIRS_MAX; i++) {
        if (proxy->pairs[i].client >= 0)
            continue;
        proxy->pairs[i] = (struct pair){client, server};
        return;
    }
    if (client >= 0)
        close(client);
    if (server >= 0)
        close(server);
}

static bool write_all(int fd, const char *data, ssize_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, (size_t)len, MSG_NOSIGNAL);

        if (sent < 0)
            return false;
        data += sent;
        len -= sent;
    }
    return true;
}

/* False: the connection is over. */
static bool pass(int from, int to, bool cut)
{
    char chunk[CHUNK_BYTES];
    ssize_t got = recv(from, chunk, sizeof(chunk), 0);

    return got > 0 && !cut && write_all(to, chunk, got);
}

static bool serve_pair(const struct proxy *proxy, const struct pair *pair, short client,
                       short server)
{
    if (client && !pass(pair->client, pair->server, proxy->mode == PROXY_CUT_AT_REQUEST))
        return false;
    return !server || pass(pair->server, pair->client, proxy->mode == PROXY_CUT_AT_ANSWER);
}

/* The mutex is held but for the wait; pairs change only here and in proxy_cut(). */
static void serve_once(struct proxy *proxy)
{
    struct pollfd polls[2 + 2 * PAIRS_MAX];
    bool silent = proxy->mode == PROXY_SILENT;
    uint64_t orders;

    polls[0] = (struct pollfd){.fd = proxy->wake, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
    for (int i = 0; i < PAIRS_MAX; i++) {
        bool idle = silent || proxy->pairs[i].client < 0;

        polls[2 + 2 * i] =
            (struct pollfd){.fd = idle ? -1 : proxy->pairs[i].client, .events = POLLIN};
        polls[3 + 2 * i] =
            (struct pollfd){.fd = idle ? -1 : proxy->pairs[i].server, .events = POLLIN};
    }
    pthread_mutex_unlock(&proxy->mutex);
    poll(polls, 2 + 2 * PAIRS_MAX, -1);
    pthread_mutex_lock(&proxy->mutex);

    if (polls[0].revents) { /* look again at what the order left */
        ck_assert_int_eq(read(proxy->wake, &orders, sizeof(orders)), sizeof(orders));
        return;
    }
    for (int i = 0; i < PAIRS_MAX; i++) {
        struct pair *pair = &proxy->pairs[i];

        if (pair->client >= 0 &&
            !serve_pair(proxy, pair, polls[2 + 2 * i].revents, polls[3 + 2 * i].revents))
            close_pair(pair);
    }
    if (polls[1].revents)
        accept_pair(proxy);
}

static void *serve(void *arg)
{
    struct proxy *proxy = arg;

    pthread_mutex_lock(&proxy->mutex);
    while (!proxy->stopping)
        serve_once(proxy);
    pthread_mutex_unlock(&proxy->mutex);
    return NULL;
}

struct proxy *proxy_new(int port)
{
    struct proxy *proxy = mem_zalloc(sizeof(*proxy));
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof(address);

    proxy->target_port = port;
    proxy->wake = eventfd(0, EFD_CLOEXEC);
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(proxy->listener, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(proxy->listener, PAIRS_MAX), 0);
    ck_assert_int_eq(getsockname(proxy->listener, (struct sockaddr *)&address, &len), 0);
    proxy->port = ntohs(address.sin_port);
    for (int i = 0; i < PAIRS_MAX; i++)
        proxy->pairs[i].client = -1;
    pthread_mutex_init(&proxy->mutex, NULL);
    ck_assert_int_eq(pthread_create(&proxy->thread, NULL, serve, proxy), 0);
    return proxy;
}

static void wake(const struct proxy *proxy)
{
    uint64_t one = 1;

    ck_assert_int_eq(write(proxy->wake, &one, sizeof(one)), sizeof(one));
}

void proxy_set(struct proxy *proxy, enum proxy_mode mode)
{
    pthread_mutex_lock(&proxy->mutex);
    proxy->mode = mode;
    wake(proxy);
    pthread_mutex_unlock(&proxy->mutex);
}

void proxy_cut(struct proxy *proxy)
{
    pthread_mutex_lock(&proxy->mutex);
    for (int i = 0; i < PAIRS_MAX; i++)
        if (proxy->pairs[i].client >= 0)
            close_pair(&proxy->pairs[i]);
    wake(proxy);
    pthread_mutex_unlock(&proxy->mutex);
}

void proxy_free(struct proxy *proxy)
{
    if (!proxy)
        return;
    proxy_cut(proxy);
    pthread_mutex_lock(&proxy->mutex);
    proxy->stopping = true;
    wake(proxy);
    pthread_mutex_unlock(&proxy->mutex);
    pthread_join(proxy->thread, NULL);
    pthread_mutex_destroy(&proxy->mutex);
    close(proxy->wake);
    close(proxy->listener);
    mem_free(proxy);
}

int proxy_port(const struct proxy *proxy)
{
    return proxy->port;
}
