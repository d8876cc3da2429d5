/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybook/progress.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "cmd/daybook/client.h"
#include "cmd/daybook/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    POLL_MS = 500,
    PLAIN_MS = 10000,    /* from one line to the next without a terminal */
    AWAY_TRIES_MAX = 60, /* a service that is restarted is waited for */
    AWAY_MS = 1000,
    BAR_CELLS = 20,
    LINE_BYTES_MAX = 1024,
    SECONDS_A_MINUTE = 60,
    SECONDS_AN_HOUR = 3600,
};

const char *const job_members[] = {"id",          "kind",    "projection", "state",  "done",
                                   "total",       "rate",    "lag_events", "parked", "started_at",
                                   "finished_at", "message", NULL};

struct following {
    struct invocation *invocation;
    int64_t id;
    bool terminal;
    bool drawn;          /* a line without its end is on the terminal */
    char said[1024];     /* the last message shown */
    int64_t shown_at_ms; /* the last plain line */
    struct str job;      /* as last answered */
};

static void sleep_ms(int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&left, NULL);
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 1234567 as 1,234,567 */
static void add_number(struct buf *line, int64_t value)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, value);

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
            buf_add_char(line, ',');
        buf_add_char(line, digits[i]);
    }
}

static void add_duration(struct buf *line, int64_t seconds)
{
    if (seconds >= SECONDS_AN_HOUR)
        buf_printf(line, "%" PRId64 " h %" PRId64 " min", seconds / SECONDS_AN_HOUR,
                   seconds % SECONDS_AN_HOUR / SECONDS_A_MINUTE);
    else if (seconds >= SECONDS_A_MINUTE)
        buf_printf(line, "%" PRId64 " min %" PRId64 " s", seconds / SECONDS_A_MINUTE,
                   seconds % SECONDS_A_MINUTE);
    else
        buf_printf(line, "%" PRId64 " s", seconds);
}

static int64_t number(json_t *job, const char *key)
{
    return json_integer_value(json_object_get(job, key));
}

static void add_bar(struct buf *line, int64_t done, int64_t total)
{
    /* What came meanwhile may be done, too. */
    int64_t full = done >= total ? BAR_CELLS : done * BAR_CELLS / total;

    buf_add_char(line, '[');
    for (int64_t i = 0; i < BAR_CELLS; i++)
        buf_add_char(line, i < full ? '#' : '.');
    buf_add_cstr(line, "] ");
}

static void write_line(json_t *job, bool terminal, struct buf *line)
{
    const char *projection = json_string_value(json_object_get(job, "projection"));
    json_t *left = json_object_get(job, "eta_seconds");
    int64_t done = number(job, "done");
    int64_t total = number(job, "total");

    buf_printf(line, "%s%s%s #%" PRId64 " ", json_string_value(json_object_get(job, "kind")),
               projection ? " " : "", projection ? projection : "", number(job, "id"));
    if (terminal && total > 0)
        add_bar(line, done, total);
    add_number(line, done);
    if (total > 0) {
        buf_add_char(line, '/');
        add_number(line, total);
    }
    buf_add_cstr(line, " events, ");
    add_number(line, number(job, "rate"));
    buf_add_cstr(line, "/s");
    if (json_is_integer(left)) {
        buf_add_cstr(line, ", ETA ");
        add_duration(line, json_integer_value(left));
    }
    buf_add_cstr(line, ", parked ");
    add_number(line, number(job, "parked"));
    buf_add_cstr(line, ", lag ");
    add_number(line, number(job, "lag_events"));
}

static void clear_line(struct following *f)
{
    if (f->drawn)
        fputs("\r\033[K", stderr);
    f->drawn = false;
}

/* The part of a message that does not change from look to look. */
static bool is_news(const struct following *f, const char *message)
{
    size_t word = strcspn(message, "0123456789");

    return strncmp(f->said, message, word) != 0 || strlen(f->said) == 0;
}

static void say(struct following *f, const char *message)
{
    if (message[0] == '\0' || strcmp(f->said, message) == 0)
        return;
    if (is_news(f, message)) {
        clear_line(f);
        fprintf(stderr, "%s: job %" PRId64 ": %s\n", f->invocation->program->name, f->id, message);
    }
    snprintf(f->said, sizeof f->said, "%s", message);
}

static void draw(struct following *f, json_t *job, bool last)
{
    SCOPED_VALUE(buf_release) struct buf line = BUF_INIT(LINE_BYTES_MAX);

    if (!f->terminal && !last && now_ms() - f->shown_at_ms < PLAIN_MS)
        return;
    write_line(job, f->terminal, &line);
    clear_line(f);
    fprintf(stderr, STR_FMT "%s", STR_ARG(buf_str(&line)), f->terminal && !last ? "" : "\n");
    fflush(stderr);
    f->drawn = f->terminal && !last;
    f->shown_at_ms = now_ms();
}

/* True: it has ended. */
static bool show(struct following *f, const char **ret_state)
{
    SCOPED(json_decref) json_t *job = json_loadb(f->job.data, f->job.len, 0, NULL);
    const char *message = json_string_value(json_object_get(job, "message"));
    const char *state = json_string_value(json_object_get(job, "state"));
    bool ended;

    if (state == NULL)
        state = "";
    ended = strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
    say(f, message ? message : "");
    draw(f, job, ended);
    *ret_state = arena_cstr(f->invocation->arena, str_of(state));
    return ended;
}

static int look_again(struct following *f)
{
    struct str path = arena_printf(f->invocation->arena, "/admin/v1/jobs/%" PRId64, f->id);
    int tries = 0;
    int status;

    sleep_ms(POLL_MS);
    while ((status = client_get(f->invocation, path, &f->job)) == EXIT_UNAVAILABLE &&
           tries++ < AWAY_TRIES_MAX) {
        f->drawn = false;
        sleep_ms(AWAY_MS);
    }
    return status;
}

int progress_follow(struct invocation *invocation, struct str job)
{
    struct following f = {.invocation = invocation, .terminal = isatty(STDERR_FILENO), .job = job};
    struct str id;
    const char *state;

    if (!json_member(job, "id", &id) || !str_to_i64(id, &f.id))
        return EXIT_FAILED;
    while (!show(&f, &state)) {
        int status = look_again(&f);

        if (status != EXIT_OK)
            return status;
    }
    int printed = output_row(invocation, job_members, f.job);
    if (printed != EXIT_OK)
        return printed;
    return strcmp(state, "done") == 0 ? EXIT_OK : EXIT_FAILED;
}

int progress_end(struct invocation *invocation, struct str job)
{
    if (!invocation_has(invocation, "detach"))
        return progress_follow(invocation, job);
    return output_row(invocation, job_members, job);
}
