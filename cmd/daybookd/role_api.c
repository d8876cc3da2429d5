/* SPDX-License-Identifier: Apache-2.0 */
/* The role that takes commands and answers queries. */
#include "cmd/daybookd/roles.h"
#include "cmd/daybookd/settings.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "eventlog/identity.h"
#include "eventlog/writer.h"
#include "orders/orders.h"

struct api_state {
    struct api *api;
    struct writer *writer;
};

static struct writer_config writer_config_of(const struct role_context *context)
{
    static const struct domain *const domains[] = {&orders_domain, NULL};
    const struct config *config = context->config;

    return (struct writer_config){
        .postgres = settings_postgres(config, "daybookd writer"),
        .queue_commands_max = (size_t)config_number(config, "eventlog.queue_commands_max"),
        .batch_commands_max = (size_t)config_number(config, "eventlog.batch_commands_max"),
        .batch_events_max = (size_t)config_number(config, "eventlog.batch_events_max"),
        .batch_bytes_max = (size_t)config_number(config, "eventlog.batch_bytes_max"),
        .cache_bytes_max = (size_t)config_number(config, "eventlog.cache_bytes"),
        .categories_max = (size_t)config_number(config, "eventlog.categories_max"),
        .snapshot_every = (unsigned)config_number(config, "eventlog.snapshot_every"),
        .upkeep = settings_upkeep(config),
        .domains = domains,
        .committed = context->appended,
    };
}

static bool start(struct role_context *context, const struct log_identity *identity,
                  void **ret_state, struct error *err)
{
    struct writer_config config = writer_config_of(context);
    struct writer *writer;

    if (!writer_start(&config, &writer, err))
        return false;
    struct api_state *state = mem_zalloc(sizeof *state);
    *state = (struct api_state){.api = context->api, .writer = writer};
    api_open(context->api, writer, str_of(identity->id));
    *ret_state = state;
    return true;
}

static void stop(void *arg)
{
    struct api_state *state = arg;

    writer_close(state->writer);
}

/* A connection that was kept alive may bring one more command while the writer ends. */
static void free_state(void *arg)
{
    struct api_state *state = arg;

    writer_stop(state->writer);
    mem_free(state);
}

static void health(void *arg, struct arena *arena, struct role_health *ret)
{
    struct api_state *state = arg;
    struct writer_status status;

    writer_status(state->writer, &status);
    if (status.connected)
        return;
    ret->state = "down";
    ret->reason = status.last_error.text[0] != '\0'
                      ? arena_dup(arena, str_of(status.last_error.text))
                      : STR("the writer is not connected yet");
}

static void write_detail(void *arg, struct buf *out)
{
    struct api_state *state = arg;
    struct writer_status status;

    writer_status(state->writer, &status);
    json_write_key(out, "position");
    buf_add_i64(out, status.head.n);
    json_write_key(out, "queued");
    buf_add_u64(out, status.queued);
}

const struct role api_role = {
    .name = "api",
    .start = start,
    .stop = stop,
    .free = free_state,
    .health = health,
    .write_detail = write_detail,
};
