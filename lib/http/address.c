/* SPDX-License-Identifier: Apache-2.0 */
#include "http/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

enum {
    HOST_MAX = 256,
    PORT_MAX = 6,
};

struct host_port {
    char host[HOST_MAX];
    char port[PORT_MAX];
};

static bool copy(struct str from, char *out, size_t out_bytes)
{
    if (from.len == 0 || from.len >= out_bytes)
        return false;
    memcpy(out, from.data, from.len);
    out[from.len] = '\0';
    return true;
}

static bool split(struct str listen, struct host_port *ret)
{
    const char *colon = memrchr(listen.data, ':', listen.len);
    struct str host;
    struct str port;
    uint64_t number;

    if (colon == NULL)
        return false;
    host = str_from(listen.data, (size_t)(colon - listen.data));
    port = str_from(colon + 1, listen.len - host.len - 1);
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        host = str_from(host.data + 1, host.len - 2);
    else if (str_index(host, ':') < host.len)
        return false; /* an IPv6 address without brackets */
    return str_to_u64(port, 65535, &number) && copy(host, ret->host, sizeof(ret->host)) &&
           copy(port, ret->port, sizeof(ret->port));
}

bool http_address_is_valid(const char *listen)
{
    struct host_port parts;

    return split(str_of(listen), &parts);
}

bool http_address_is_loopback(const char *listen)
{
    struct host_port parts;
    struct in_addr v4;
    struct in6_addr v6;

    if (!split(str_of(listen), &parts))
        return false;
    if (inet_pton(AF_INET, parts.host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, parts.host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcasecmp(parts.host, "localhost") == 0;
}

static bool open_socket(const struct addrinfo *address, int *ret_fd)
{
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int saved;

    if (fd < 0)
        return false;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0) {
        *ret_fd = fd;
        return true;
    }
    saved = errno;
    close(fd);
    errno = saved;
    return false;
}

bool http_address_listen(const char *listen, int *ret_fd, struct error *err)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *addresses;
    struct addrinfo *one;
    struct host_port parts;
    bool opened;
    int status;
    int failure = 0;

    if (!split(str_of(listen), &parts))
        return error_set(err, ERROR_REFUSED, "", "'%s' is no HOST:PORT to listen on", listen);

    status = getaddrinfo(parts.host, parts.port, &hints, &addresses);
    if (status != 0)
        return error_set(err, ERROR_REFUSED, "", "listen on '%s': %s", listen,
                         gai_strerror(status));
    for (one = addresses; one != NULL && !open_socket(one, ret_fd); one = one->ai_next)
        failure = errno;
    opened = one != NULL;
    freeaddrinfo(addresses);
    if (opened)
        return true;

    error_set(err, ERROR_FATAL, "", "listen on '%s': %s", listen, strerror(failure));
    if (failure == EADDRINUSE)
        error_hint(err, "Another program listens there: end it or choose another http.listen.");
    return false;
}

void http_address_print(int fd, char *out, size_t out_bytes)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    struct host_port parts = {0};
    int status = getsockname(fd, (struct sockaddr *)&address, &len);

    assert(status == 0);
    status = getnameinfo((struct sockaddr *)&address, len, parts.host, sizeof(parts.host),
                         parts.port, sizeof(parts.port), NI_NUMERICHOST | NI_NUMERICSERV);
    assert(status == 0);
    snprintf(out, out_bytes, address.ss_family == AF_INET6 ? "http://[%s]:%s" : "http://%s:%s",
             parts.host, parts.port);
}
