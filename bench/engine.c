/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine alone: writes handed straight to a writer, without HTTP, a fixed number of them
 * always outstanding. Prints one JSON object: events and writes a second for each number.
 *
 * append: one event of about 300 bytes to one of 10,000 streams. order: order.place of one line of
 * one of 1,000 SKUs, decided as over HTTP: two events.
 *
 * Usage: engine SECONDS, with a migrated, empty database in DAYBOOK_BENCH_DATABASE_URL.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/queue.h"
#include "base/thread.h"
#include "eventlog/write.h"
#include "eventlog/writer.h"
#include "orders/orders.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKUS = 1000, STREAMS = 10000, OUTSTANDING_MAX = 1024, TEXT_BYTES = 280 };
enum { WRITE_DEADLINE_MS = 10000, PIECES = 1000000 };

static const unsigned outstanding[] = {1, 8, 64, 256, 1024};

struct bench;

struct slot {
    struct bench *bench;
    struct arena *arena;
    struct write write;
};

struct bench {
    struct writer *writer;
    struct queue *finished; /* of struct slot */
    struct slot slots[OUTSTANDING_MAX];
    uint64_t draws;
    uint64_t events;
    uint64_t writes;
};

typedef void (*fill_fn)(struct slot *slot);

static _Noreturn void fail(const char *what, const struct error *err)
{
    fprintf(stderr, "engine: %s: %s\n", what, err->text);
    exit(EXIT_FAILURE);
}

/* splitmix64: the same writes in every run. */
static uint64_t draw(struct bench *bench, uint64_t below)
{
    uint64_t z = (bench->draws += 0x9e3779b97f4a7c15U);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (z ^ (z >> 31)) % below;
}

static void compose(struct write *write, struct stored_answer *ret_answer)
{
    (void)write;
    *ret_answer = (struct stored_answer){.status = 201};
}

static void done(struct write *write)
{
    struct slot *slot = write->data;

    if (queue_push(slot->bench->finished, slot) != QUEUE_PUSHED)
        abort(); /* it has room for every slot */
}

static void fill_append(struct slot *slot)
{
    struct stream_append *append = ARENA_NEW(slot->arena, struct stream_append);
    struct new_event *event = ARENA_NEW(slot->arena, struct new_event);
    char text[TEXT_BYTES + 1];

    memset(text, 'x', TEXT_BYTES);
    text[TEXT_BYTES] = '\0';
    event->type = STR("Measured");
    event->data = arena_printf(slot->arena, "{\"text\":\"%s\"}", text);
    event->occurred_at_us = clock_wall_us();
    append->stream = arena_printf(slot->arena, "bench-%u", (unsigned)draw(slot->bench, STREAMS));
    append->events = event;
    append->events_count = 1;
    slot->write.kind = WRITE_APPEND;
    slot->write.appends = append;
    slot->write.appends_count = 1;
}

static const struct command_type *find_command(const char *name)
{
    for (const struct command_type *const *at = orders_domain.commands; *at != NULL; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    abort();
}

static void fill_command(struct slot *slot, const char *name, struct str id, struct str body)
{
    SCOPED(json_decref) json_t *data = NULL;
    struct json_limits limits = {.depth_max = 8, .values_max = 100, .string_bytes_max = 1000};
    struct faults *faults = faults_new(slot->arena);
    struct write *write = &slot->write;
    struct error err;

    if (!json_parse(body, limits, &data, &err))
        fail("body", &err);
    write->kind = WRITE_COMMAND;
    write->command = find_command(name);
    write->id = id;
    write->occurred_at_us = clock_wall_us();
    if (!write->command->parse(data, slot->arena, faults, &write->payload))
        abort();
}

static void fill_order(struct slot *slot)
{
    struct bench *bench = slot->bench;
    struct str id = arena_printf(slot->arena, "bench-%llu", (unsigned long long)bench->draws);
    struct str body = arena_printf(slot->arena,
                                   "{\"customer_id\":\"customer%u\",\"currency\":\"EUR\",\"items\":"
                                   "[{\"sku\":\"sku%u\",\"quantity\":1,\"unit_price_minor\":%u}]}",
                                   (unsigned)draw(bench, 5000), (unsigned)draw(bench, SKUS),
                                   (unsigned)draw(bench, 9999));

    fill_command(slot, "order.place", id, body);
}

static unsigned received;

static void fill_receive(struct slot *slot)
{
    struct str id = arena_printf(slot->arena, "sku%u", received++);
    struct str body = arena_printf(slot->arena, "{\"quantity\":%d}", PIECES);

    fill_command(slot, "stock.receive", id, body);
}

static void submit(struct slot *slot, fill_fn fill)
{
    arena_clear(slot->arena);
    slot->write = (struct write){
        .arena = slot->arena,
        .tenant = STR("main"),
        .credential = STR(""),
        .deadline_ms = clock_monotonic_ms() + WRITE_DEADLINE_MS,
        .compose = compose,
        .done = done,
        .data = slot,
    };
    fill(slot);
    if (writer_submit(slot->bench->writer, &slot->write) != WRITER_TAKEN)
        abort(); /* its queue has room for every slot */
}

static void count(struct slot *slot)
{
    const struct write *write = &slot->write;

    if (write->outcome != WRITE_APPENDED) {
        fprintf(stderr, "engine: a write ended with outcome %d: %s%s\n", (int)write->outcome,
                write->slug != NULL ? write->slug : "", write->error.text);
        exit(EXIT_FAILURE);
    }
    slot->bench->writes++;
    slot->bench->events += slot->write.events_count;
}

/* Writes for so long, or so many; returns the seconds it took. */
static double run(struct bench *bench, fill_fn fill, unsigned depth, double seconds,
                  uint64_t writes_max)
{
    int64_t began_us = clock_monotonic_us();
    int64_t ends_us = began_us + (int64_t)(seconds * 1e6);
    uint64_t submitted = 0;
    unsigned running = 0;

    bench->writes = bench->events = 0;
    for (; running < depth && submitted < writes_max; running++, submitted++)
        submit(&bench->slots[running], fill);
    while (running > 0) {
        struct slot *slot = queue_pop(bench->finished, -1);

        count(slot);
        running--;
        if (clock_monotonic_us() < ends_us && submitted < writes_max) {
            submit(slot, fill);
            running++;
            submitted++;
        }
    }
    return (double)(clock_monotonic_us() - began_us) / 1e6;
}

static void measure(struct bench *bench, const char *name, fill_fn fill, double seconds)
{
    printf("\"%s\":[", name);
    for (size_t i = 0; i < sizeof outstanding / sizeof *outstanding; i++) {
        double took = run(bench, fill, outstanding[i], seconds, UINT64_MAX);

        printf("%s{\"outstanding\":%u,\"writes_per_second\":%.0f,\"events_per_second\":%.0f}",
               i > 0 ? "," : "", outstanding[i], (double)bench->writes / took,
               (double)bench->events / took);
    }
    printf("]");
}

static struct bench *bench_new(const char *url)
{
    static const struct domain *const domains[] = {&orders_domain, NULL};
    struct writer_config config = {
        .postgres = {.url = url,
                     .application_name = "daybook bench",
                     .connect_timeout_ms = 5000,
                     .statement_timeout_ms = 10000,
                     .tcp_user_timeout_ms = 10000,
                     .idle_in_transaction_timeout_ms = 5000},
        .queue_commands_max = 4096,
        .batch_commands_max = 1024,
        .batch_events_max = 8192,
        .batch_bytes_max = 16 << 20,
        .cache_bytes_max = 64 << 20,
        .categories_max = 64,
        .domains = domains,
    };
    struct bench *bench = calloc(1, sizeof *bench);
    struct error err;

    assert(bench != NULL);
    bench->finished = queue_new(OUTSTANDING_MAX);
    for (size_t i = 0; i < OUTSTANDING_MAX; i++) {
        bench->slots[i].bench = bench;
        bench->slots[i].arena = arena_new(0);
    }
    if (!writer_start(&config, &bench->writer, &err))
        fail("start the writer", &err);
    return bench;
}

static void bench_free(struct bench *bench)
{
    writer_stop(bench->writer);
    queue_free(bench->finished);
    for (size_t i = 0; i < OUTSTANDING_MAX; i++)
        arena_free(bench->slots[i].arena);
    free(bench);
}

int main(int argc, char **argv)
{
    const char *url = getenv("DAYBOOK_BENCH_DATABASE_URL");
    double seconds = argc == 2 ? strtod(argv[1], NULL) : 0;

    if (url == NULL || seconds <= 0) {
        fprintf(stderr, "usage: DAYBOOK_BENCH_DATABASE_URL=... engine SECONDS\n");
        return 2;
    }
    json_setup();

    struct bench *bench = bench_new(url);
    (void)run(bench, fill_receive, 64, 60, SKUS);
    printf("{");
    measure(bench, "append", fill_append, seconds);
    printf(",");
    measure(bench, "order", fill_order, seconds);
    printf("}\n");
    bench_free(bench);
    return 0;
}
