/* SPDX-License-Identifier: Apache-2.0 */
/* The whole installation at a glance: log, processes, publisher, projections, one line each. */
#include "cmd/daybook/client.h"
#include "cmd/daybook/output.h"
#include "cmd/daybook/verbs.h"

#include "base/arena.h"
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ROW_BYTES_MAX = 64 << 10 };

static const char *const columns[] = {"kind",       "name",   "state",  "position",
                                      "lag_events", "lag_ms", "detail", NULL};

struct report {
    struct invocation *invocation;
    struct rows rows;
    unsigned faults; /* of --check */
};

struct line {
    const char *kind;
    const char *name;
    const char *state;
    json_t *of; /* has position and lag, where it is so */
    const char *detail;
};

static const char *text(json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value != NULL ? value : "";
}

static void write_number(struct buf *out, json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (!json_is_integer(value))
        return;
    json_write_key(out, key);
    buf_add_i64(out, json_integer_value(value));
}

static void add_line(struct report *report, const struct line *line)
{
    SCOPED_VALUE(buf_release) struct buf row = BUF_INIT(ROW_BYTES_MAX);

    buf_add_cstr(&row, "{\"kind\":");
    json_write_cstr(&row, line->kind);
    json_write_key(&row, "name");
    json_write_cstr(&row, line->name);
    json_write_key(&row, "state");
    json_write_cstr(&row, line->state);
    write_number(&row, line->of, "position");
    write_number(&row, line->of, "lag_events");
    write_number(&row, line->of, "lag_ms");
    json_write_key(&row, "detail");
    json_write_cstr(&row, line->detail);
    buf_add_char(&row, '}');
    rows_add(&report->rows, arena_dup(report->invocation->arena, buf_str(&row)));
}

/* For --check: what is not as it should be. */
static void fault(struct report *report, const struct line *line)
{
    report->faults++;
    if (invocation_has(report->invocation, "check"))
        fprintf(stderr, "%s: %s '%s' is %s%s%s\n", report->invocation->program->name, line->kind,
                line->name, line->state, line->detail[0] != '\0' ? ": " : "", line->detail);
}

/* Of one role: whether some living process has it, and what is wrong with those that do. */
static void check_role(struct report *report, const char *instance, const char *role,
                       json_t *detail)
{
    json_t *health = json_object_get(detail, role);
    const char *state = text(health, "state");
    struct line line = {
        .kind = role, .name = instance, .state = state, .detail = text(health, "reason")};

    if (health != NULL && strcmp(state, "ok") != 0)
        fault(report, &line);
}

static void add_process(struct report *report, json_t *process)
{
    struct arena *arena = report->invocation->arena;
    bool alive = json_is_true(json_object_get(process, "alive"));
    struct str detail = STR("");
    size_t index;
    json_t *role;

    json_array_foreach(json_object_get(process, "roles"), index, role)
    {
        const char *name = json_string_value(role);

        detail = arena_printf(arena, STR_FMT "%s%s", STR_ARG(detail), index > 0 ? "," : "",
                              name != NULL ? name : "");
        if (alive && name != NULL)
            check_role(report, text(process, "instance"), name, json_object_get(process, "detail"));
    }
    detail = arena_printf(arena, STR_FMT " on %s, pid %" PRId64 ", version %s", STR_ARG(detail),
                          text(process, "host"),
                          (int64_t)json_integer_value(json_object_get(process, "pid")),
                          text(process, "version"));
    struct line line = {.kind = "process",
                        .name = text(process, "instance"),
                        .state = alive ? "alive" : "dead",
                        .detail = detail.data};
    add_line(report, &line);
    if (!alive)
        fault(report, &line);
}

static bool is_among(const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(*words, word) == 0)
            return true;
    return false;
}

static void add_publisher(struct report *report, json_t *publisher)
{
    static const char *const good[] = {"running", "paused", NULL};
    const char *reason = text(publisher, "reason");
    struct line line = {.kind = "publisher",
                        .name = text(publisher, "leader"),
                        .state = text(publisher, "state"),
                        .of = publisher,
                        .detail = reason[0] != '\0' ? reason : text(publisher, "detail")};

    add_line(report, &line);
    if (!is_among(line.state, good) || !json_is_true(json_object_get(publisher, "leader_alive")))
        fault(report, &line);
}

static void add_projection(struct report *report, json_t *projection)
{
    static const char *const good[] = {"running", "catching_up", "rebuilding", NULL};
    struct line line = {.kind = "projection",
                        .name = text(projection, "name"),
                        .state = text(projection, "state"),
                        .of = projection,
                        .detail = text(projection, "reason")};

    add_line(report, &line);
    if (!is_among(line.state, good))
        fault(report, &line);
}

static void fill(struct report *report, json_t *status)
{
    json_t *log = json_object_get(status, "log");
    struct line line = {.kind = "log",
                        .name = text(log, "name"),
                        .state = "",
                        .of = log,
                        .detail = text(log, "id")};
    size_t index;
    json_t *item;

    add_line(report, &line);
    json_array_foreach(json_object_get(status, "processes"), index, item) add_process(report, item);
    add_publisher(report, json_object_get(status, "publisher"));
    json_array_foreach(json_object_get(status, "projections"), index, item)
        add_projection(report, item);
}

int status_run(struct invocation *invocation)
{
    struct report report = {.invocation = invocation};
    struct str answer;
    int status = client_get(invocation, STR("/admin/v1/status"), &answer);

    if (status != EXIT_OK)
        return status;
    SCOPED(json_decref) json_t *parsed = json_loadb(answer.data, answer.len, 0, NULL);
    fill(&report, parsed);
    status = output_is_json(invocation) ? output_json(answer)
                                        : output_rows(invocation, columns, &report.rows);
    rows_release(&report.rows);
    if (status == EXIT_OK && invocation_has(invocation, "check") && report.faults > 0)
        return EXIT_FAILED;
    return status;
}
