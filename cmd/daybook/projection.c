/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybook/ask.h"
#include "cmd/daybook/client.h"
#include "cmd/daybook/progress.h"
#include "cmd/daybook/verbs.h"

#include "base/buf.h"
#include "base/json.h"

#include <inttypes.h>

enum { PATH_BYTES_MAX = 8 << 10, BODY_BYTES_MAX = 1 << 10, RATE_MAX = 10000000 };

static const char *const list_members[] = {
    "name", "state", "reason", "generation", "since", "position", "lag_events", "lag_ms", NULL};
static const char *const show_members[] = {"name",        "state",      "reason",     "since",
                                           "generation",  "position",   "lag_events", "lag_ms",
                                           "generations", "partitions", NULL};

static void write_path(const struct invocation *invocation, const char *after, struct buf *out)
{
    buf_add_cstr(out, "/admin/v1/projections/");
    client_escape(out, invocation->arguments[0]);
    buf_add_cstr(out, after);
}

int projection_ls_run(struct invocation *invocation)
{
    SCOPED_VALUE(rows_release) struct rows rows = {0};
    struct str answer, items;
    int status = client_get(invocation, STR("/admin/v1/projections"), &answer);

    if (status != EXIT_OK)
        return status;
    if (json_member(answer, "items", &items))
        rows_add_array(&rows, items);
    return output_rows(invocation, list_members, &rows);
}

int projection_show_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);

    write_path(invocation, "", &path);
    return ask_object(invocation, buf_str(&path), show_members);
}

/* POSTs; the projection as it is then. */
static int post(struct invocation *invocation, const char *verb, struct str body)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
    struct str answer;

    write_path(invocation, verb, &path);
    int status = ask_post(invocation, buf_str(&path), body, &answer);
    return status == EXIT_OK ? output_row(invocation, list_members, answer) : status;
}

/* POSTs, then follows the job. */
static int post_job(struct invocation *invocation, const char *verb, struct str body)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
    struct str job;

    write_path(invocation, verb, &path);
    int status = ask_post(invocation, buf_str(&path), body, &job);
    return status == EXIT_OK ? progress_end(invocation, job) : status;
}

int projection_pause_run(struct invocation *invocation)
{
    if (!ask_confirmed(invocation,
                       "pause projection '%s': its lists stay as they are until it is resumed",
                       invocation->arguments[0]))
        return EXIT_USAGE;
    return post(invocation, "/pause", STR("{}"));
}

int projection_resume_run(struct invocation *invocation)
{
    return post(invocation, "/resume", STR("{}"));
}

int projection_rebuild_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(BODY_BYTES_MAX);

    if (invocation_has(invocation, "activate") &&
        !ask_confirmed(invocation,
                       "build projection '%s' anew and make that the live one as soon as it is "
                       "ready, without a look at the difference",
                       invocation->arguments[0]))
        return EXIT_USAGE;
    buf_add_char(&body, '{');
    ask_flag(invocation, "activate", "activate", &body);
    if (!ask_number_member(invocation, "rate", "rate", 1, RATE_MAX, &body))
        return EXIT_USAGE;
    buf_add_char(&body, '}');
    return post_job(invocation, "/rebuild", buf_str(&body));
}

int projection_activate_run(struct invocation *invocation)
{
    if (!ask_confirmed(invocation,
                       "make the ready generation of projection '%s' the live one; the one before "
                       "is kept for rollback",
                       invocation->arguments[0]))
        return EXIT_USAGE;
    return post_job(invocation, "/activate", STR("{}"));
}

int projection_rollback_run(struct invocation *invocation)
{
    if (!ask_confirmed(invocation, "make the old generation of projection '%s' the live one again",
                       invocation->arguments[0]))
        return EXIT_USAGE;
    return post_job(invocation, "/rollback", STR("{}"));
}

int projection_drop_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(BODY_BYTES_MAX);
    int64_t generation;

    if (!ask_number(invocation, "GENERATION", str_of(invocation->arguments[1]), 1, INT32_MAX,
                    &generation) ||
        !ask_confirmed(invocation, "drop generation %s of projection '%s' with its table",
                       invocation->arguments[1], invocation->arguments[0]))
        return EXIT_USAGE;
    buf_printf(&body, "{\"generation\":%" PRId64 "}", generation);
    return post(invocation, "/drop", buf_str(&body));
}

/* The pages of a difference, added up. */
struct difference {
    int64_t counts[5];
    bool inexact;
    struct str samples; /* of the first page that has any */
    struct str last;    /* the last page */
};

static const char *const counted[] = {"compared", "different", "only_live", "only_other", "behind"};

static bool add_page(struct difference *d, struct str page)
{
    struct str value, samples;
    int64_t count;

    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        if (!json_member(page, counted[i], &value) || !str_to_i64(value, &count))
            return false;
        d->counts[i] += count;
    }
    d->inexact |= json_member(page, "exact", &value) && str_equal(value, STR("false"));
    if (d->samples.len <= 2 && json_member(page, "samples", &samples))
        d->samples = samples;
    d->last = page;
    return true;
}

static void write_member(const struct difference *d, const char *key, struct buf *out)
{
    struct str value;

    if (!json_member(d->last, key, &value))
        return;
    json_write_key(out, key);
    buf_add_str(out, value);
}

static int print_difference(struct invocation *invocation, const struct difference *d)
{
    static const char *const members[] = {"live",      "other",      "compared", "different",
                                          "only_live", "only_other", "behind",   "exact",
                                          "samples",   NULL};
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(CLIENT_BODY_BYTES_MAX);

    buf_add_char(&out, '{');
    write_member(d, "live", &out);
    write_member(d, "other", &out);
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        json_add_i64(&out, counted[i], d->counts[i]);
    json_add_bool(&out, "exact", !d->inexact);
    write_member(d, "columns_only_live", &out);
    write_member(d, "columns_only_other", &out);
    json_write_key(&out, "samples");
    buf_add_str(&out, d->samples.len > 0 ? d->samples : STR("[]"));
    buf_add_char(&out, '}');
    return output_object(invocation, members, buf_str(&out));
}

static bool is_different(const struct difference *d)
{
    return d->counts[1] + d->counts[2] + d->counts[3] + d->counts[4] > 0;
}

int projection_diff_run(struct invocation *invocation)
{
    struct difference d = {0};
    struct str cursor = STR("null");

    do {
        SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
        struct str page;

        write_path(invocation, "/diff?", &path);
        ask_parameter(invocation, "generation", "generation", &path);
        if (!str_equal(cursor, STR("null"))) /* a quoted text of base64url: no escapes */
            buf_printf(&path, "cursor=" STR_FMT "&", (int)cursor.len - 2, cursor.data + 1);
        path.len--;
        int status = client_get(invocation, buf_str(&path), &page);
        if (status != EXIT_OK)
            return status;
        if (!add_page(&d, page) || !json_member(page, "next_cursor", &cursor))
            return EXIT_FAILED;
    } while (!str_equal(cursor, STR("null")));
    int status = print_difference(invocation, &d);
    return status == EXIT_OK && invocation_has(invocation, "check") && is_different(&d) ? EXIT_DRIFT
                                                                                        : status;
}
