/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many live readers of one service (server-sent events), and how long after it was recorded an
 * event reaches them: of each piece that arrives the oldest event is looked at, and of all pieces
 * the middle and the 99th of a hundred are told. Both ends are on this machine, so its wall clock
 * is good for both.
 *
 * Usage: subscribers PORT COUNT PATH. Prints "ready" when all read live; then, when standard input
 * ends, one JSON object.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PIECE_BYTES = 256 * 1024,
    KEPT_BYTES = 64, /* of what came before, so that nothing looked for is cut */
    EVENTS = 256,
    TIMES_MAX_MS = 60000,
    STEPS_A_MS = 10,
};

struct subscriber {
    int fd;
    bool live;
    int64_t last;   /* position seen since all are live; 0: none */
    int64_t events; /* behind it: every event has a position, without a filter */
    char kept[KEPT_BYTES];
    size_t kept_len;
};

static int epoll;
static long count, live, closed;
static struct subscriber *subscribers;
static uint64_t times[TIMES_MAX_MS * STEPS_A_MS];
static uint64_t pieces;
static double longest_ms;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "subscribers: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static void subscribe(struct subscriber *s, long port, const char *path)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
    char request[1024];
    int len = snprintf(
        request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%ld\r\nAccept: text/event-stream\r\n\r\n", path, port);

    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        send(s->fd, request, (size_t)len, MSG_NOSIGNAL) != len ||
        fcntl(s->fd, F_SETFL, O_NONBLOCK) != 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &event))
        fail("subscribe");
}

/* "recordedtime":"2026-11-24T20:00:00.123456Z", in us since 1970; 0: none. */
static int64_t recorded_us(const char *text)
{
    static const char name[] = "\"recordedtime\":\"";
    const char *at = strstr(text, name);
    struct tm tm = {0};
    const char *fraction;
    int64_t us = 0, unit = 100000;

    if (at == NULL || (fraction = strptime(at + strlen(name), "%Y-%m-%dT%H:%M:%S", &tm)) == NULL)
        return 0;
    if (*fraction == '.')
        for (fraction++; *fraction >= '0' && *fraction <= '9'; fraction++, unit /= 10)
            us += (*fraction - '0') * unit;
    return (int64_t)timegm(&tm) * 1000000 + us;
}

static void note_time(int64_t recorded)
{
    struct timespec now;
    int64_t us;
    double ms;

    clock_gettime(CLOCK_REALTIME, &now);
    us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 - recorded;
    ms = (double)us / 1000;
    ms = ms < 0 ? 0 : ms >= TIMES_MAX_MS ? TIMES_MAX_MS - 1 : ms;
    longest_ms = ms > longest_ms ? ms : longest_ms;
    times[(size_t)(ms * STEPS_A_MS)]++;
    pieces++;
}

/* The last whole "\nid: N\n" of the text. */
static int64_t last_id(const char *text, size_t len)
{
    for (size_t i = len; i >= 5; i--)
        if (text[i - 1] == ' ' && memcmp(text + i - 5, "\nid: ", 5) == 0 &&
            memchr(text + i, '\n', len - i) != NULL)
            return strtoll(text + i, NULL, 10);
    return 0;
}

/* FRESH bytes came behind what was kept of the piece before. */
static void look(struct subscriber *s, const char *text, size_t len, size_t fresh)
{
    int64_t id, recorded;

    if (!s->live && strstr(text, "event: caught-up") != NULL) {
        s->live = true;
        if (++live == count) {
            printf("ready\n");
            fflush(stdout);
        }
    }
    if (live < count)
        return;
    id = last_id(text, len);
    if (id > s->last) {
        s->events += s->last > 0 ? id - s->last : 0;
        s->last = id;
    }
    recorded = recorded_us(text + len - fresh);
    if (recorded > 0)
        note_time(recorded);
}

static void receive(struct subscriber *s)
{
    static char text[KEPT_BYTES + PIECE_BYTES + 1];
    ssize_t got;
    size_t len;

    memcpy(text, s->kept, s->kept_len);
    got = recv(s->fd, text + s->kept_len, PIECE_BYTES, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        close(s->fd);
        closed++;
        return;
    }
    len = s->kept_len + (size_t)got;
    text[len] = '\0';
    look(s, text, len, (size_t)got);
    s->kept_len = len < KEPT_BYTES ? len : KEPT_BYTES;
    memcpy(s->kept, text + len - s->kept_len, s->kept_len);
}

static void follow(void)
{
    struct epoll_event events[EVENTS];
    struct subscriber input; /* its address stands for standard input */
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &input};
    bool ended = false;
    char byte;

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0)
        fail("watch standard input");
    while (!ended) {
        int found = epoll_wait(epoll, events, EVENTS, -1);

        for (int i = 0; i < found; i++)
            if (events[i].data.ptr != &input)
                receive(events[i].data.ptr);
            else
                ended = read(STDIN_FILENO, &byte, 1) <= 0;
    }
}

static double percentile(double share)
{
    uint64_t below = 0;

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        below += times[i];
        if ((double)below > share * (double)pieces)
            return (double)(i + 1) / STEPS_A_MS;
    }
    return 0;
}

static void print(void)
{
    int64_t least = INT64_MAX, all = 0;

    for (long i = 0; i < count; i++) {
        least = subscribers[i].events < least ? subscribers[i].events : least;
        all += subscribers[i].events;
    }
    printf("{\"subscribers\":%ld,\"closed\":%ld,\"delivered\":%lld,\"least\":%lld,\"pieces\":%llu,"
           "\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"max_ms\":%.1f}\n",
           count, closed, (long long)all, (long long)least, (unsigned long long)pieces,
           percentile(0.5), percentile(0.99), longest_ms);
}

int main(int argc, char **argv)
{
    long port = argc == 4 ? strtol(argv[1], NULL, 10) : 0;

    count = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
    if (port <= 0 || count <= 0) {
        fprintf(stderr, "usage: subscribers PORT COUNT PATH\n");
        return 2;
    }
    epoll = epoll_create1(EPOLL_CLOEXEC);
    subscribers = calloc((size_t)count, sizeof *subscribers);
    if (epoll < 0 || subscribers == NULL)
        fail("begin");
    for (long i = 0; i < count; i++)
        subscribe(&subscribers[i], port, argv[3]);
    follow();
    print();
    free(subscribers);
    return 0;
}
