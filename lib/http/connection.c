/* SPDX-License-Identifier: Apache-2.0 */
/* A connection from libmicrohttpd's notice that it began to the one that it ended. */
#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "http/http_internal.h"

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof(in));
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof(in6));
        return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) && in6.sin6_addr.s6_addr[12] == 127);
    }
    return false;
}

static void note_remote(struct http_connection *connection, const struct sockaddr *address)
{
    struct sockaddr_storage copy;
    const void *raw = NULL;

    connection->loopback = is_loopback(address);
    if (address->sa_family == AF_INET) {
        memcpy(&copy, address, sizeof(struct sockaddr_in));
        raw = &((struct sockaddr_in *)&copy)->sin_addr;
    } else if (address->sa_family == AF_INET6) {
        memcpy(&copy, address, sizeof(struct sockaddr_in6));
        raw = &((struct sockaddr_in6 *)&copy)->sin6_addr;
    }
    if (raw != NULL)
        inet_ntop(address->sa_family, raw, connection->remote, sizeof(connection->remote));
}

static void list_add(struct http_worker *worker, struct http_connection *connection)
{
    connection->next = worker->first;
    if (worker->first != NULL)
        worker->first->prev = connection;
    worker->first = connection;
}

static void list_remove(struct http_worker *worker, struct http_connection *connection)
{
    if (connection->prev != NULL)
        connection->prev->next = connection->next;
    else
        worker->first = connection->next;
    if (connection->next != NULL)
        connection->next->prev = connection->prev;
}

static struct http_connection *connection_new(struct http_worker *worker,
                                              struct MHD_Connection *mhd)
{
    struct http_connection *connection = mem_zalloc(sizeof(*connection));

    connection->worker = worker;
    connection->address = *worker->arriving;
    worker->arriving = NULL;
    connection->mhd = mhd;
    connection->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    note_remote(connection,
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    connection->stage = TIMER_STAGE_FIRST;
    connection->request.connection = connection;
    connection->request.arena = arena_new(0);
    return connection;
}

static void connection_free(struct http_connection *connection)
{
    assert(connection->request.state == REQUEST_RECEIVING);

    http_census_leave(connection->worker->server->census, &connection->address);
    arena_free(connection->request.arena);
    buf_release(&connection->request.body);
    mem_free(connection);
}

void http_connection_notify(void *arg, struct MHD_Connection *mhd, void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct http_worker *worker = arg;
    struct http_connection *connection = *socket_context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection = connection_new(worker, mhd);
        *socket_context = connection;
        list_add(worker, connection);
        return;
    }
    *socket_context = NULL;
    list_remove(worker, connection);
    http_connection_set_stage(connection, STAGE_BETWEEN); /* a head that was not whole */
    connection->ended = connection->request.state == REQUEST_HELD;
    if (!connection->ended)
        connection_free(connection);
}

void http_connection_end(struct http_connection *connection)
{
    assert(connection->ended);
    http_request_end(&connection->request);
    connection_free(connection);
}

struct http_connection *http_connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info->socket_context;
}

static bool is_receiving(uint64_t stage)
{
    return timer_stage_of(stage) == STAGE_HEADER || timer_stage_of(stage) == STAGE_BODY;
}

void http_connection_set_stage(struct http_connection *connection, enum timer_stage stage)
{
    struct http_worker *worker = connection->worker;

    worker->receiving -= is_receiving(connection->stage);
    connection->stage = timer_stage_next(connection->stage, stage);
    worker->receiving += is_receiving(connection->stage);
}
