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

struct api_state {
    struct api *api;
    struct writer *writer;
};

static bool start(struct role_context *context, const struct log_identity *identity,
                  void **ret_state, struct error *err)
{
    struct writer_config config = settings_writer(context->config, "daybookd writer");
    struct writer *writer;

    config.committed = context->appended;
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
