/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybookd/bench_writes.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "eventlog/write.h"
#include "orders/orders.h"

#include <assert.h>
#include <string.h>

enum {
    TEXT_BYTES = 280,
    CUSTOMERS = 5000,
    PRICE_MAX = 9999,
    PIECES = 100000, /* of each SKU: 1,000 s of orders at 100,000 a second */
};

/* splitmix64 */
static uint64_t draw(struct writes *writes, uint64_t below)
{
    uint64_t z = (writes->draws += 0x9e3779b97f4a7c15U);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (z ^ (z >> 31)) % below;
}

static struct str filler(struct arena *arena)
{
    char text[TEXT_BYTES];

    memset(text, 'x', sizeof text);
    return arena_printf(arena, "{\"text\":\"%.*s\"}", TEXT_BYTES, text);
}

void writes_append(struct writes *writes, struct write *write)
{
    struct stream_append *append = ARENA_NEW(write->arena, struct stream_append);
    struct new_event *events =
        ARENA_ARRAY(write->arena, struct new_event, (size_t)writes->events_each);
    int64_t now_us = clock_wall_us();

    for (unsigned i = 0; i < writes->events_each; i++) {
        events[i].type = STR("Measured");
        events[i].data = filler(write->arena);
        events[i].occurred_at_us = now_us;
    }
    append->stream =
        arena_printf(write->arena, "bench-%llu", (unsigned long long)draw(writes, WRITES_STREAMS));
    append->events = events;
    append->events_count = writes->events_each;
    write->kind = WRITE_APPEND;
    write->appends = append;
    write->appends_count = 1;
}

static const struct command_type *find_command(const char *name)
{
    const struct command_type *const *at = orders_domain.commands;

    while (strcmp((*at)->name, name) != 0)
        at++;
    return *at;
}

static void command(struct write *write, const char *name, struct str id, struct str body)
{
    static const struct json_limits limits = {
        .depth_max = 8, .values_max = 100, .string_bytes_max = 1000};
    SCOPED(json_decref) json_t *data = NULL;
    struct faults *faults = faults_new(write->arena);
    struct error err;

    write->kind = WRITE_COMMAND;
    write->command = find_command(name);
    write->id = id;
    write->occurred_at_us = clock_wall_us();
    bool parsed = json_parse(body, limits, &data, &err) &&
                  write->command->parse(data, write->arena, faults, &write->payload);
    assert(parsed); /* the body is ours */
}

void writes_order(struct writes *writes, struct write *write)
{
    struct str id =
        arena_printf(write->arena, "bench-%016llx-%llu", (unsigned long long)writes->tag,
                     (unsigned long long)writes->orders++);
    struct str body =
        arena_printf(write->arena,
                     "{\"customer_id\":\"customer%u\",\"currency\":\"EUR\",\"items\":"
                     "[{\"sku\":\"sku%u\",\"quantity\":1,\"unit_price_minor\":%u}]}",
                     (unsigned)draw(writes, CUSTOMERS), (unsigned)draw(writes, WRITES_SKUS),
                     1 + (unsigned)draw(writes, PRICE_MAX));

    command(write, "order.place", id, body);
}

void writes_receive(struct writes *writes, struct write *write)
{
    struct str id = arena_printf(write->arena, "sku%u", writes->received++);

    command(write, "stock.receive", id, arena_printf(write->arena, "{\"quantity\":%d}", PIECES));
}
