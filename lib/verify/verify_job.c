/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_job.h"

#include "base/buf.h"
#include "base/json.h"
#include "verify/findings.h"
#include "verify/verify.h"

enum { COUNTS_BYTES_MAX = 512 };

struct work {
    struct job_run *run;
    struct pg_conn *conn; /* for the findings */
    struct verify_config config;
    int64_t found;
    bool is_lost; /* the findings' connection: what was found can not be noted */
    struct error lost;
};

static void note(void *arg, const struct finding *finding)
{
    struct work *work = arg;

    if (++work->found > FINDINGS_KEPT || work->is_lost)
        return;
    work->is_lost =
        !findings_add(work->conn, job_of(work->run)->id, work->found, finding, &work->lost);
}

static bool go_on(void *arg, const struct verify_progress *progress)
{
    struct work *work = arg;

    job_count(work->run, progress->done, progress->total);
    job_say(work->run, "verifies %s, %lld findings so far", progress->doing,
            (long long)work->found);
    return !work->is_lost && job_call(work->run) == JOB_GO_ON;
}

static bool read_parts(json_t *parts, unsigned *ret)
{
    size_t i;
    json_t *name;

    json_array_foreach(parts, i, name)
    {
        enum verify_part part;

        if (!verify_part_parse(str_of(json_string_value(name)), &part))
            return false;
        *ret |= part;
    }
    return *ret != 0;
}

static bool read_arguments(struct work *work, struct error *err)
{
    SCOPED(json_decref) json_t *arguments = NULL;
    json_int_t keys;

    if (!json_parse_stored(job_of(work->run)->arguments, &arguments, err))
        return false;
    keys = json_integer_value(json_object_get(arguments, "keys"));
    if (keys < 1 || !read_parts(json_object_get(arguments, "parts"), &work->config.parts))
        return error_set(err, ERROR_FATAL, "internal-error", "the job does not say what to verify");
    work->config.keys_max = (size_t)keys;
    return true;
}

/* One try, from the beginning. */
static bool verify_once(struct work *work, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf counts = BUF_INIT(COUNTS_BYTES_MAX);
    struct verify_report report;

    work->found = 0;
    work->is_lost = false;
    if (!findings_clear(work->conn, job_of(work->run)->id, err))
        return false;
    if (!verify_run(&work->config, &report, err)) {
        if (work->is_lost)
            *err = work->lost;
        return false;
    }
    if (work->is_lost) {
        *err = work->lost;
        return false;
    }
    verify_write_counts(&report, &counts);
    job_count(work->run, report.head.n, report.head.n);
    job_say(work->run, "%s up to position %lld: " STR_FMT,
            verify_drift(&report) > 0 ? "drift" : "sound", (long long)report.head.n,
            STR_ARG(buf_str(&counts)));
    return true;
}

static enum job_outcome called(struct job_run *run)
{
    return job_call(run) == JOB_CANCEL ? JOB_OUT_CANCELLED : JOB_OUT_LEFT;
}

static enum job_outcome run_verify(struct job_run *run, struct error *err)
{
    const struct job_config *config = job_config_of(run);
    struct work work = {.run = run,
                        .config = {.postgres = config->postgres,
                                   .kafka = &config->kafka,
                                   .projections = config->projections,
                                   .kafka_timeout_ms = VERIFY_KAFKA_TIMEOUT_MS,
                                   .found = note,
                                   .go_on = go_on,
                                   .arg = &work}};
    unsigned attempts = 0;

    if (!read_arguments(&work, err))
        return JOB_OUT_FAILED;
    for (;;) {
        if (!job_connect(run, &work.conn))
            return called(run);
        if (verify_once(&work, err))
            return JOB_OUT_DONE;
        if (job_call(run) != JOB_GO_ON)
            return called(run);
        if (err->class != ERROR_TRANSIENT)
            return JOB_OUT_FAILED;
        if (job_wait_out(run, err, &attempts))
            return called(run);
    }
}

const struct job_kind verify_kind = {.name = "verify", .run = run_verify};
