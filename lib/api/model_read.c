/* SPDX-License-Identifier: Apache-2.0 */
#include "api/model_read.h"

#include "api/api_internal.h"
#include "api/log_id.h"
#include "api/prefer.h"
#include "api/read_headers.h"
#include "api/waits.h"
#include "base/arena.h"
#include "base/clock.h"
#include "projection/live.h"
#include "projection/position.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum { WAIT_DEFAULT_MS = 2000, MS_A_SECOND = 1000 };

/* What the client asks for. */

static int64_t take_wait(struct call *call)
{
    int64_t seconds;

    if (!prefer_wait(http_request_header(call->request, "Prefer", NULL), &seconds))
        return WAIT_DEFAULT_MS;
    if (seconds > MODEL_WAIT_MAX_MS / MS_A_SECOND)
        seconds = MODEL_WAIT_MAX_MS / MS_A_SECOND;
    call_header(call, "Preference-Applied", arena_printf(call->arena, "wait=%" PRId64, seconds));
    return seconds * MS_A_SECOND;
}

/* False: answered 400. */
static bool take_token(struct call *call, struct model_read *read)
{
    size_t lines;
    struct str text = http_request_header(call->request, "Consistency-Token", &lines);
    const char *fault;

    if (lines == 0)
        return true;
    fault = lines > 1 ? "it is sent twice; the newest holds for the older ones of its stream"
                      : token_parse(str_trim(text), &read->token);
    if (fault != NULL) {
        call_problem(call, "bad-request", STR_NONE, "the Consistency-Token is none: %s", fault);
        return false;
    }
    read->awaits = true;
    read->deadline_ms = clock_monotonic_ms() + take_wait(call);
    return true;
}

/* Whether it is there. */

enum looked { LOOKED_THERE, LOOKED_NOT_YET, LOOKED_ANSWERED, LOOKED_FAILED };

static bool is_of_this_log(struct call *call, const struct reach *reach)
{
    char token_log[UUID_TEXT_LEN + 1];
    struct buf members = BUF_INIT(256);

    log_id_note(call->api, str_of(reach->log));
    uuid_format(call->model_read->token.log, token_log);
    if (strcmp(token_log, reach->log) == 0)
        return true;
    buf_printf(&members, "\"log\":\"%s\",\"token_log\":\"%s\"", reach->log, token_log);
    call_problem(call, "bad-request", arena_dup(call->arena, buf_str(&members)),
                 "the Consistency-Token is of another log: it speaks of %s, here is %s", token_log,
                 reach->log);
    buf_release(&members);
    return false;
}

/* A log that was put back from a copy has lost the write: waiting would not bring it. */
static bool is_below_head(struct call *call, const struct reach *reach)
{
    int64_t last = call->model_read->token.last.n;

    if (last <= reach->head.n)
        return true;
    call_problem(call, "bad-request", STR_NONE,
                 "the Consistency-Token speaks of position %" PRId64
                 ", which is beyond the log's head at %" PRId64,
                 last, reach->head.n);
    return false;
}

/* Waiting would not bring it: a person has to look. */
static void answer_parked(struct call *call, const struct projection *projection,
                          const struct written_parked *parked)
{
    struct buf members = BUF_INIT(1024);

    buf_printf(&members, "\"projection\":\"%s\",\"stream\":", projection->name);
    json_write_str(&members, parked->stream);
    buf_printf(&members, ",\"version\":%" PRId64 ",\"state\":", parked->version.n);
    json_write_str(&members, parked->state);
    call_problem(call, "projection-parked", arena_dup(call->arena, buf_str(&members)),
                 "'" STR_FMT "' is parked in '%s' at version %" PRId64
                 ": the write is not in it and will not be before that is resolved",
                 STR_ARG(parked->stream), projection->name, parked->version.n);
    buf_release(&members);
}

static enum looked look(struct call *call, struct reader *reader,
                        const struct projection *projection, int generation, struct error *err)
{
    struct model_read *read = call->model_read;
    struct written_parked parked;
    struct reach reach;

    if (!reach_load(reader->conn, &projection, 1, generation, call->arena, &reach, err))
        return LOOKED_FAILED;
    if (!is_of_this_log(call, &reach) || !is_below_head(call, &reach))
        return LOOKED_ANSWERED;
    if (!read->loaded && !written_load(reader->conn, read->token.first, read->token.last,
                                       call->arena, &read->written, err))
        return LOOKED_FAILED;
    read->loaded = true;
    if (!written_find_parked(reader->conn, projection, generation, &read->written, call->arena,
                             &parked, err))
        return LOOKED_FAILED;
    if (parked.stream.data != NULL) {
        answer_parked(call, projection, &parked);
        return LOOKED_ANSWERED;
    }
    return reach_holds(&reach, projection, &read->written) ? LOOKED_THERE : LOOKED_NOT_YET;
}

/* Tells the position, and has the rows read from the generation it is of. */
static bool open_model(struct call *call, struct reader *reader,
                       const struct projection *projection, bool tell, int *ret_generation,
                       struct error *err)
{
    struct read_position position;

    if (!read_position_load(reader->conn, projection, &position, err))
        return false;
    live_table_note(reader->live, projection, position.generation);
    *ret_generation = position.generation;
    if (tell)
        read_headers_set(call, position.position, position.lag_ms);
    return true;
}

static enum looked look_at_all(struct call *call, struct reader *reader, struct error *err)
{
    struct model_read *read = call->model_read;
    enum looked result = LOOKED_THERE;

    for (size_t i = 0; i < read->projections_count && result == LOOKED_THERE; i++) {
        int generation;

        if (!open_model(call, reader, read->projections[i], i == 0, &generation, err))
            return LOOKED_FAILED;
        if (read->awaits)
            result = look(call, reader, read->projections[i], generation, err);
    }
    return result;
}

static void put_aside(struct call *call)
{
    if (clock_monotonic_ms() >= call->model_read->deadline_ms)
        model_read_expire(call);
    else
        waits_add(call->api->waits, call);
}

static bool read_model(struct call *call, struct reader *reader, struct error *err)
{
    size_t headers_count = call->headers_count;
    bool done = true;

    switch (look_at_all(call, reader, err)) {
    case LOOKED_THERE:
        done = call->model_read->fn(call, reader, err);
        break;
    case LOOKED_NOT_YET:
        call->headers_count = headers_count;
        put_aside(call);
        return true; /* the call is another's now */
    case LOOKED_ANSWERED:
        return true;
    case LOOKED_FAILED:
        done = false;
        break;
    }
    if (!done)
        call->headers_count = headers_count; /* the pool may run this once more */
    return done;
}

void model_read_resume(struct call *call)
{
    query_submit(call->api->queries, call, read_model);
}

void model_read_expire(struct call *call)
{
    call_problem(call, "read-not-current", STR_NONE,
                 "the read model does not hold position %" PRId64 " yet",
                 call->model_read->token.last.n);
}

void model_read_submit(struct call *call, const struct projection *projection,
                       const struct projection *const *also, query_fn fn)
{
    struct model_read *read = ARENA_NEW(call->arena, struct model_read);

    read->projections[read->projections_count++] = projection;
    for (; also != NULL && *also != NULL; also++) {
        assert(read->projections_count < MODEL_READ_PROJECTIONS_MAX);
        read->projections[read->projections_count++] = *also;
    }
    read->fn = fn;
    call->model_read = read;
    if (take_token(call, read))
        model_read_resume(call);
}
