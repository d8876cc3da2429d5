/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An open loop of HTTP requests: each is due at its time, whatever became of those before it, and
 * its latency counts from then. A slow service so makes the figures worse, not the load less.
 *
 * One thread, --connections of them kept alive, one request on each at a time; what is due while
 * none is free waits its turn, and after --give-up is not sent any more. A second phase may follow
 * the first without a pause, to see how a service comes out of an overload. How long a refusal (429
 * or 503) took counts from when it was sent: the wait before that is the driver's.
 *
 * In --path and --body {n} is the request's number from 1, {sku} one of --skus SKUs, {customer} one
 * of 5,000. --acks FILE gets a line for each request that succeeded: the position of its --event in
 * the answer, and when that came, in us of the monotonic clock. Prints one JSON object.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
    PHASES = 2,
    TEXT_BYTES = 8192,  /* of a request */
    KEPT_BYTES = 16384, /* of an answer; the rest of a longer one is read and forgotten */
    SECONDS_MAX = 3600,
    STATUS_MAX = 600,
    CUSTOMERS = 5000,
    PATIENCE_US = 10000000, /* behind the last request */
    LOOKS_US = 100000,
    EVENTS = 256,
};

struct phase {
    long rate;
    long seconds;
};

struct connection {
    int fd; /* -1: to be made */
    bool busy;
    int64_t due_us;
    int64_t sent_us;
    char request[TEXT_BYTES];
    size_t request_len;
    size_t request_sent;
    char answer[KEPT_BYTES + 1];
    size_t answer_len; /* received, kept or not */
    size_t answer_end; /* where it ends; 0: the head is not there yet */
    struct connection *next_free;
};

struct samples {
    uint32_t *us;
    size_t count;
};

struct second { /* by when requests were due */
    long good, refused, other, not_sent;
    uint32_t longest_us;
};

static const char *method = "GET", *path, *body = "", *event_name = "";
static long port, skus = 1000, give_up_ms = 10000, connections_count = 64;
static struct phase phases[PHASES];
static FILE *acks;

static int epoll;
static struct connection *connections, *free_connections;
static int64_t begun_us;
static long planned, next_number, in_flight;
static struct samples good, refused;
static struct second series[SECONDS_MAX];
static long statuses[STATUS_MAX], broken, not_sent;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "openloop: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* splitmix64: the same requests in every run. */
static unsigned draw(long below)
{
    static uint64_t draws;
    uint64_t z = (draws += 0x9e3779b97f4a7c15U);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (unsigned)((z ^ (z >> 31)) % (uint64_t)below);
}

static int64_t due_us(long number)
{
    long first = phases[0].rate * phases[0].seconds;

    if (number < first || phases[1].rate == 0)
        return begun_us + number * 1000000 / phases[0].rate;
    return begun_us + phases[0].seconds * 1000000 + (number - first) * 1000000 / phases[1].rate;
}

static struct second *second_of(int64_t due)
{
    return &series[(due - begun_us) / 1000000];
}

static bool take(const char **text, const char *name)
{
    if (strncmp(*text, name, strlen(name)) != 0)
        return false;
    *text += strlen(name);
    return true;
}

static size_t expand(char *to, const char *text, long request)
{
    size_t len = 0;

    while (*text != '\0' && len < TEXT_BYTES / 4) {
        if (take(&text, "{n}"))
            len += (size_t)snprintf(to + len, 24, "%ld", request + 1);
        else if (take(&text, "{sku}"))
            len += (size_t)snprintf(to + len, 24, "sku%u", draw(skus) + 1);
        else if (take(&text, "{customer}"))
            len += (size_t)snprintf(to + len, 24, "customer%u", draw(CUSTOMERS));
        else
            to[len++] = *text++;
    }
    to[len] = '\0';
    return len;
}

static void compose(struct connection *c, long request)
{
    char target[TEXT_BYTES / 2], text[TEXT_BYTES / 2];

    expand(target, path, request);
    size_t len = expand(text, body, request);
    c->request_len = (size_t)snprintf(c->request, sizeof c->request,
                                      "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%ld\r\n"
                                      "Content-Type: application/json\r\n"
                                      "Content-Length: %zu\r\n\r\n%s",
                                      method, target, port, len, text);
    c->request_sent = 0;
    c->answer_len = c->answer_end = 0;
}

static void watch(struct connection *c, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};

    if (epoll_ctl(epoll, operation, c->fd, &event) != 0)
        fail("watch a connection");
}

static void open_connection(struct connection *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("connect");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0)
        fail("connect");
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

static void release(struct connection *c)
{
    c->busy = false;
    c->next_free = free_connections;
    free_connections = c;
    in_flight--;
}

static void break_off(struct connection *c)
{
    close(c->fd);
    c->fd = -1;
    broken++;
    second_of(c->due_us)->other++;
    release(c);
}

static void send_rest(struct connection *c)
{
    ssize_t sent =
        send(c->fd, c->request + c->request_sent, c->request_len - c->request_sent, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN) {
        break_off(c);
        return;
    }
    c->request_sent += sent > 0 ? (size_t)sent : 0;
    watch(c, EPOLL_CTL_MOD, EPOLLIN | (c->request_sent < c->request_len ? EPOLLOUT : 0u));
}

static void begin(struct connection *c, long request, int64_t due)
{
    in_flight++;
    c->busy = true;
    if (c->fd < 0)
        open_connection(c);
    compose(c, request);
    c->due_us = due;
    c->sent_us = now_us();
    ssize_t sent = send(c->fd, c->request, c->request_len, MSG_NOSIGNAL);
    if (sent == (ssize_t)c->request_len)
        c->request_sent = c->request_len;
    else
        send_rest(c);
}

static void add(struct samples *samples, int64_t took)
{
    samples->us[samples->count++] = (uint32_t)(took < UINT32_MAX ? took : UINT32_MAX);
}

static void acknowledge(const struct connection *c, int64_t now)
{
    const char *of = strstr(c->answer, event_name);
    const char *position = of != NULL ? strstr(of, "\"position\":") : NULL;

    if (acks != NULL && position != NULL)
        fprintf(acks, "%ld %lld\n", strtol(position + strlen("\"position\":"), NULL, 10),
                (long long)now);
}

static void note(const struct connection *c)
{
    int64_t now = now_us();
    long status = strtol(c->answer + strlen("HTTP/1.1 "), NULL, 10);
    struct second *second = second_of(c->due_us);

    statuses[status > 0 && status < STATUS_MAX ? status : 0]++;
    if (status >= 200 && status < 300) {
        uint32_t took = (uint32_t)(now - c->due_us);

        second->good++;
        second->longest_us = took > second->longest_us ? took : second->longest_us;
        add(&good, now - c->due_us);
        acknowledge(c, now);
    } else if (status == 429 || status == 503) {
        second->refused++;
        add(&refused, now - c->sent_us);
    } else {
        second->other++;
    }
}

/* False: it has no length, which ours always have. */
static bool find_end(struct connection *c)
{
    const char *head_end = strstr(c->answer, "\r\n\r\n");
    const char *length = strcasestr(c->answer, "\r\nContent-Length:");

    if (head_end == NULL)
        return c->answer_len < KEPT_BYTES;
    if (length == NULL || length > head_end)
        return false;
    c->answer_end = (size_t)(head_end + 4 - c->answer) +
                    (size_t)strtol(length + strlen("\r\nContent-Length:"), NULL, 10);
    return true;
}

/* The whole answer is there. */
static void finish(struct connection *c)
{
    const char *close_wanted = strcasestr(c->answer, "\r\nConnection: close");

    note(c);
    if (close_wanted != NULL) {
        close(c->fd);
        c->fd = -1;
    }
    release(c);
}

static void receive(struct connection *c)
{
    static char forgotten[KEPT_BYTES];
    bool keeps = c->answer_len < KEPT_BYTES;
    ssize_t got = recv(c->fd, keeps ? c->answer + c->answer_len : forgotten,
                       keeps ? KEPT_BYTES - c->answer_len : sizeof forgotten, 0);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        break_off(c);
        return;
    }
    c->answer_len += (size_t)got;
    if (keeps)
        c->answer[c->answer_len] = '\0';
    if (c->answer_end == 0 && !find_end(c))
        break_off(c);
    else if (c->answer_end > 0 && c->answer_len >= c->answer_end)
        finish(c);
}

static void serve(struct connection *c, uint32_t events)
{
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        if (!c->busy) { /* closed by the other side; made anew when it is needed */
            close(c->fd);
            c->fd = -1;
            return;
        }
        receive(c);
        return;
    }
    send_rest(c);
}

static void begin_what_is_due(int64_t now)
{
    while (next_number < planned && free_connections != NULL) {
        struct connection *c = free_connections;
        int64_t due = due_us(next_number);

        if (due > now)
            return;
        if (now - due > give_up_ms * 1000) {
            second_of(due)->not_sent++;
            not_sent++;
        } else {
            free_connections = c->next_free;
            begin(c, next_number, due);
        }
        next_number++;
    }
}

static void wait_for_events(int64_t now)
{
    struct epoll_event events[EVENTS];
    int64_t wait_us = LOOKS_US;

    if (next_number < planned && free_connections != NULL)
        wait_us = due_us(next_number) - now;
    wait_us = wait_us < 0 ? 0 : wait_us < LOOKS_US ? wait_us : LOOKS_US;
    struct timespec wait = {.tv_nsec = wait_us * 1000};
    int count = epoll_pwait2(epoll, events, EVENTS, &wait, NULL);
    for (int i = 0; i < count; i++)
        serve(events[i].data.ptr, events[i].events);
}

static void run(void)
{
    int64_t now = begun_us = now_us();
    int64_t ends_us = due_us(planned - 1) + PATIENCE_US;

    while ((next_number < planned || in_flight > 0) && now < ends_us) {
        begin_what_is_due(now);
        wait_for_events(now_us());
        now = now_us();
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static double ms_at(const struct samples *samples, size_t index)
{
    return samples->us[index] / 1e3;
}

static void print_times(const char *name, struct samples *samples)
{
    size_t count = samples->count;

    qsort(samples->us, count, sizeof *samples->us, compare);
    printf("\"%s\":{\"count\":%zu", name, count);
    if (count > 0)
        printf(",\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f", ms_at(samples, count / 2),
               ms_at(samples, count * 99 / 100), ms_at(samples, count - 1));
    printf("},");
}

static void print_series(void)
{
    printf("\"series\":[");
    for (long i = 0; i < phases[0].seconds + phases[1].seconds; i++)
        printf("%s{\"good\":%ld,\"refused\":%ld,\"other\":%ld,\"not_sent\":%ld,\"max_ms\":%.3f}",
               i > 0 ? "," : "", series[i].good, series[i].refused, series[i].other,
               series[i].not_sent, series[i].longest_us / 1e3);
    printf("]");
}

static void print(void)
{
    bool first = true;

    printf("{\"planned\":%ld,\"not_sent\":%ld,\"broken\":%ld,\"unanswered\":%ld,", planned,
           not_sent, broken, in_flight);
    print_times("good", &good);
    print_times("refused", &refused);
    printf("\"status\":{");
    for (size_t i = 0; i < STATUS_MAX; i++)
        if (statuses[i] > 0) {
            printf("%s\"%zu\":%ld", first ? "" : ",", i, statuses[i]);
            first = false;
        }
    printf("},");
    print_series();
    printf("}\n");
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL)
        fail("memory");
    return memory;
}

static void prepare(void)
{
    connections = allocate((size_t)connections_count, sizeof *connections);
    planned = phases[0].rate * phases[0].seconds + phases[1].rate * phases[1].seconds;
    good.us = allocate((size_t)planned, sizeof *good.us);
    refused.us = allocate((size_t)planned, sizeof *refused.us);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        fail("epoll");
    in_flight = connections_count;
    for (long i = 0; i < connections_count; i++) {
        open_connection(&connections[i]);
        release(&connections[i]);
    }
}

static const struct {
    const char *name;
    long *number;
    const char **text;
} settings[] = {
    {"port", &port, NULL},
    {"rate", &phases[0].rate, NULL},
    {"seconds", &phases[0].seconds, NULL},
    {"then-rate", &phases[1].rate, NULL},
    {"then-seconds", &phases[1].seconds, NULL},
    {"connections", &connections_count, NULL},
    {"give-up", &give_up_ms, NULL},
    {"skus", &skus, NULL},
    {"method", NULL, &method},
    {"path", NULL, &path},
    {"body", NULL, &body},
    {"event", NULL, &event_name},
};

static bool set(const char *name, const char *value)
{
    if (strcmp(name, "acks") == 0)
        return (acks = fopen(value, "w")) != NULL;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (strcmp(name, settings[i].name) == 0) {
            if (settings[i].text != NULL)
                *settings[i].text = value;
            else
                *settings[i].number = strtol(value, NULL, 10);
            return settings[i].text != NULL || *settings[i].number > 0;
        }
    return false;
}

int main(int argc, char **argv)
{
    bool ok = argc % 2 == 1;

    for (int i = 1; i + 1 < argc; i += 2)
        ok = ok && strncmp(argv[i], "--", 2) == 0 && set(argv[i] + 2, argv[i + 1]);
    if (!ok || port == 0 || path == NULL || phases[0].rate == 0 || phases[0].seconds == 0 ||
        (phases[1].rate == 0) != (phases[1].seconds == 0) ||
        phases[0].seconds + phases[1].seconds > SECONDS_MAX) {
        fprintf(stderr,
                "usage: openloop --port N --path TEXT --rate N --seconds N"
                " [--then-rate N --then-seconds N]\n  [--method GET] [--body TEXT]"
                " [--connections 64] [--give-up MS] [--skus N] [--acks FILE] [--event NAME]\n");
        return 2;
    }
    prepare();
    run();
    print();
    free(connections);
    free(good.us);
    free(refused.us);
    return acks == NULL || fclose(acks) == 0 ? 0 : EXIT_FAILURE;
}
