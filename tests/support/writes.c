/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/writes.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/queue.h"

#include <check.h>

enum { APPENDS_MAX = 8, PARTS_MAX = 512 };

struct made {
    struct write write; /* first: a write is what it is given out as */
    struct stream_append appends[APPENDS_MAX];
    struct queue *finished;
};

static struct made *made(struct write *write)
{
    return (struct made *)write;
}

/* Depends on the results only, as compose must. */
static void compose(struct write *write, struct stored_answer *ret_answer)
{
    int64_t version = write->streams_count > 0 ? write->streams[0].version.n : 0;

    *ret_answer = (struct stored_answer){
        .status = 201,
        .headers = arena_printf(write->arena, "ETag: \"%lld\"\n", (long long)version),
        .body = arena_printf(write->arena, "{\"version\":%lld}", (long long)version),
    };
}

static void done(struct write *write)
{
    (void)write;
}

static struct write *write_new(void)
{
    struct write *write = mem_zalloc(sizeof(struct made));

    write->arena = arena_new(0);
    write->tenant = STR("main");
    write->credential = STR("");
    write->deadline_ms = INT64_MAX;
    write->occurred_at_us = 1000000;
    write->compose = compose;
    write->done = done;
    return write;
}

static void make_command(struct write *write, const struct command_type *command, const char *id,
                         int64_t amount)
{
    struct account_order *order = ARENA_NEW(write->arena, struct account_order);

    order->amount = amount;
    write->kind = WRITE_COMMAND;
    write->command = command;
    write->id = arena_dup(write->arena, str_of(id));
    write->payload = order;
}

static struct write *with_partner(struct write *write, const char *partner)
{
    struct account_order *order = write->payload;

    order->partner = arena_cstr(write->arena, str_of(partner));
    return write;
}

struct write *write_command(const struct command_type *command, const char *id, int64_t amount)
{
    struct write *write = write_new();

    make_command(write, command, id, amount);
    return write;
}

struct write *write_open(const char *id, const char *partner)
{
    return with_partner(write_command(&account_open, id, 0), partner);
}

struct write *write_group(bool atomic)
{
    struct write *write = write_new();

    write->kind = WRITE_GROUP;
    write->atomic = atomic;
    write->parts = ARENA_ARRAY(write->arena, struct write, PARTS_MAX);
    return write;
}

struct write *write_part(struct write *group, const struct command_type *command, const char *id,
                         int64_t amount)
{
    struct write *part = &group->parts[group->parts_count++];

    ck_assert_uint_le(group->parts_count, PARTS_MAX);
    *part = (struct write){.arena = group->arena,
                           .tenant = group->tenant,
                           .credential = group->credential,
                           .occurred_at_us = group->occurred_at_us,
                           .dry_run = group->dry_run,
                           .compose = compose};
    make_command(part, command, id, amount);
    return part;
}

struct write *write_part_open(struct write *group, const char *id, const char *partner)
{
    return with_partner(write_part(group, &account_open, id, 0), partner);
}

void write_dry(struct write *write)
{
    write->dry_run = true;
    write->idempotency_key = STR_NONE;
    for (size_t i = 0; i < write->parts_count; i++)
        write_dry(&write->parts[i]);
}

void write_also(struct write *write, const char *stream, struct expectation expected, size_t count,
                const char *ids)
{
    struct stream_append *appends = made(write)->appends;
    struct new_event *events = ARENA_ARRAY(write->arena, struct new_event, count);
    struct str rest = str_of(ids);

    ck_assert_uint_lt(write->appends_count, APPENDS_MAX);
    for (size_t i = 0; i < count; i++) {
        events[i].type = STR("Noted");
        events[i].data = arena_printf(write->arena, "{\"n\":%zu}", i);
        events[i].occurred_at_us = write->occurred_at_us;
        if (ids != NULL)
            events[i].id = arena_dup(write->arena, str_split(rest, ' ', &rest));
    }
    appends[write->appends_count++] = (struct stream_append){
        .stream = arena_dup(write->arena, str_of(stream)),
        .expected = expected,
        .events = events,
        .events_count = count,
    };
}

struct write *write_append(const char *stream, size_t count, const char *ids)
{
    struct write *write = write_new();

    write->kind = WRITE_APPEND;
    write->appends = made(write)->appends;
    write_also(write, stream, ANY, count, ids);
    return write;
}

void write_expect(struct write *write, struct expectation expected)
{
    if (write->kind == WRITE_COMMAND)
        write->expected = expected;
    else
        made(write)->appends[0].expected = expected;
}

void write_key(struct write *write, const char *key, const char *hash)
{
    write->idempotency_key = arena_dup(write->arena, str_of(key));
    write->request_hash = arena_dup(write->arena, str_of(hash));
}

static void announce(struct write *write)
{
    ck_assert_int_eq(queue_push(made(write)->finished, write), QUEUE_PUSHED);
}

void write_announce(struct write *write, struct queue *finished)
{
    made(write)->finished = finished;
    write->done = announce;
}

void write_drop(struct write *write)
{
    if (write == NULL)
        return;
    arena_free(write->arena);
    mem_free(write);
}
