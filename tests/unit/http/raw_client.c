/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/http/raw_client.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { IN_BYTES_MAX = 80 * 1024 * 1024 };

static struct sockaddr_in parse(const char *address)
{
    const char *host = address + strlen("http://");
    const char *port = strrchr(address, ':');
    struct sockaddr_in parsed = {.sin_family = AF_INET};
    char name[64] = "";

    memcpy(name, host, (size_t)(port - host));
    parsed.sin_port = htons((uint16_t)strtoul(port + 1, NULL, 10));
    ck_assert_int_eq(inet_pton(AF_INET, name, &parsed.sin_addr), 1);
    return parsed;
}

static int open_socket(const char *from)
{
    struct sockaddr_in local = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(inet_pton(AF_INET, from, &local.sin_addr), 1);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&local, sizeof(local)), 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

void raw_connect_from(struct raw_client *client, const char *address, const char *from)
{
    struct sockaddr_in remote = parse(address);

    client->fd = open_socket(from);
    ck_assert_int_eq(connect(client->fd, (struct sockaddr *)&remote, sizeof(remote)), 0);
    buf_init(&client->in, IN_BYTES_MAX);
    client->used = 0;
}

bool raw_connects(const char *address)
{
    struct sockaddr_in remote = parse(address);
    int fd = open_socket("0.0.0.0");
    bool connected = connect(fd, (struct sockaddr *)&remote, sizeof(remote)) == 0;

    close(fd);
    return connected;
}

void raw_connect(struct raw_client *client, const char *address)
{
    raw_connect_from(client, address, "0.0.0.0");
}

void raw_close(struct raw_client *client)
{
    close(client->fd);
    buf_release(&client->in);
}

void raw_reset(struct raw_client *client)
{
    struct linger none = {.l_onoff = 1};

    ck_assert_int_eq(setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), 0);
    raw_close(client);
}

static bool send_all(struct raw_client *client, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(client->fd, bytes.data, bytes.len, MSG_NOSIGNAL);

        if (sent < 0)
            return false;
        bytes = str_from(bytes.data + sent, bytes.len - (size_t)sent);
    }
    return true;
}

void raw_send(struct raw_client *client, struct str bytes)
{
    ck_assert_msg(send_all(client, bytes), "send: %s", strerror(errno));
}

void raw_send_loosely(struct raw_client *client, struct str bytes)
{
    (void)send_all(client, bytes);
}

/* False: the connection ended. */
static bool read_more(struct raw_client *client)
{
    struct pollfd waiting = {.fd = client->fd, .events = POLLIN};
    char *room = buf_reserve(&client->in, 64 * 1024);
    ssize_t len;

    ck_assert_ptr_nonnull(room);
    ck_assert_msg(poll(&waiting, 1, RAW_WAIT_MS) == 1, "no reply in %d ms", RAW_WAIT_MS);
    len = recv(client->fd, room, 64 * 1024, 0);
    if (len <= 0)
        return false;
    buf_commit(&client->in, (size_t)len);
    return true;
}

static struct str unread(const struct raw_client *client)
{
    return str_from(client->in.data + client->used, client->in.len - client->used);
}

/* Where TEXT begins in what was not read yet, reading on until it comes; -1: the connection ended.
 */
static ssize_t find(struct raw_client *client, const char *text)
{
    for (;;) {
        struct str bytes = unread(client);
        const char *at = bytes.len > 0 ? memmem(bytes.data, bytes.len, text, strlen(text)) : NULL;

        if (at != NULL)
            return at - bytes.data;
        if (!read_more(client))
            return -1;
    }
}

static bool have(struct raw_client *client, size_t len)
{
    while (unread(client).len < len) {
        if (!read_more(client))
            return false;
    }
    return true;
}

struct str raw_header(const struct raw_reply *reply, const char *name)
{
    struct str rest = reply->head;

    while (rest.len > 0) {
        struct str line = str_split(rest, '\n', &rest);
        struct str value;
        struct str key = str_split(str_trim(line), ':', &value);

        if (str_equal_ignore_case(key, str_of(name))) {
            value = str_trim(value);
            if (value.len > 0 && value.data[value.len - 1] == '\r')
                value.len--;
            return value;
        }
    }
    return STR("");
}

/* Joins the chunks in place, from where the body begins. */
static bool read_chunks(struct raw_client *client, size_t *ret_len)
{
    size_t begin = client->used;
    size_t joined = 0;

    for (;;) {
        ssize_t line = find(client, "\r\n");
        size_t len;

        if (line < 0)
            break;
        len = strtoul(client->in.data + client->used, NULL, 16);
        client->used += (size_t)line + 2;
        if (!have(client, len + 2))
            break;
        memmove(client->in.data + begin + joined, client->in.data + client->used, len);
        joined += len;
        client->used += len + 2;
        *ret_len = joined;
        if (len == 0)
            return true;
    }
    *ret_len = joined;
    return false;
}

static void read_body(struct raw_client *client, struct raw_reply *reply)
{
    struct str length = raw_header(reply, "Content-Length");
    size_t begin = client->used;
    uint64_t len = 0;

    if (str_equal(raw_header(reply, "Transfer-Encoding"), STR("chunked"))) {
        size_t joined = 0;

        reply->whole = read_chunks(client, &joined);
        reply->body = str_from(client->in.data + begin, joined);
        return;
    }
    ck_assert(str_to_u64(length, IN_BYTES_MAX, &len));
    reply->whole = have(client, len);
    client->used += reply->whole ? len : unread(client).len;
    reply->body = str_from(client->in.data + begin, client->used - begin);
}

static void forget_read(struct raw_client *client)
{
    struct str rest = unread(client);

    if (client->used == 0)
        return;
    memmove(client->in.data, rest.data, rest.len);
    client->in.len = rest.len;
    client->used = 0;
}

struct raw_reply raw_receive(struct raw_client *client, bool without_body)
{
    struct raw_reply reply = {.whole = true};
    ssize_t len;

    forget_read(client);
    len = find(client, "\r\n\r\n");
    if (len < 0)
        return reply;
    reply.head = str_from(client->in.data, (size_t)len);
    client->used = (size_t)len + 4;
    ck_assert(str_starts_with(reply.head, STR("HTTP/1.1 ")));
    reply.status = (int)strtol(reply.head.data + strlen("HTTP/1.1 "), NULL, 10);
    if (!without_body && reply.status >= 200 && reply.status != 204 && reply.status != 304)
        read_body(client, &reply);
    reply.head.data = client->in.data; /* which the body may have moved */
    return reply;
}

struct raw_reply raw_request(struct raw_client *client, const char *request)
{
    raw_send(client, str_of(request));
    return raw_receive(client, false);
}

bool raw_ends(struct raw_client *client, int64_t timeout_ms)
{
    struct pollfd waiting = {.fd = client->fd, .events = POLLIN};
    char byte;

    if (unread(client).len > 0 || poll(&waiting, 1, (int)timeout_ms) != 1)
        return false;
    return recv(client->fd, &byte, 1, MSG_PEEK) <= 0;
}

void raw_read_some(struct raw_client *client)
{
    ck_assert(read_more(client));
}

bool raw_stays_open(struct raw_client *client, int64_t timeout_ms)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    struct pollfd waiting = {.fd = client->fd, .events = POLLIN};

    for (;;) {
        int64_t left_ms = deadline_ms - clock_monotonic_ms();

        if (left_ms <= 0 || poll(&waiting, 1, (int)left_ms) == 0)
            return true;
        if (!read_more(client))
            return false;
    }
}

void raw_skip(struct raw_client *client)
{
    while (read_more(client))
        client->used = client->in.len;
}
