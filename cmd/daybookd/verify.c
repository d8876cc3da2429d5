/* SPDX-License-Identifier: Apache-2.0 */
/* `verify`: whether log, topics and read models agree. */
#include "cmd/daybookd/settings.h"
#include "cmd/daybookd/verbs.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "projection/projector.h"
#include "verify/verify.h"
#include "verify/verify_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 1 << 16, REDRAW_MS = 200, FINDINGS_DEFAULT = 1000 };

const struct program_option verify_options[] = {
    {.name = "only",
     .value = "PART",
     .choices = "log|topics|models",
     .repeats = true,
     .text = "look at this part only"},
    {.name = "findings",
     .value = "N",
     .text = "print at most so many findings (default 1000); all are counted"},
    {.name = "keys",
     .value = "N",
     .text = "hold at most so many keys of a roll-up in memory (default 250000)"},
    {.name = "output",
     .letter = 'o',
     .value = "FORMAT",
     .choices = "text|ndjson",
     .text = "how findings are printed"},
    {0},
};

struct printing {
    bool as_json;
    uint64_t left; /* findings to print still */
    uint64_t keys_max;
    bool is_terminal;
    int64_t drawn_ms;
    bool is_broken; /* standard output is closed or full */
};

static void write_text(const struct finding *f, struct buf *out)
{
    buf_printf(out, "%s\t%s", finding_kind_name(f->kind), verify_part_name(f->part));
    if (f->name.len > 0)
        buf_printf(out, " " STR_FMT, STR_ARG(f->name));
    if (f->partition >= 0)
        buf_printf(out, "[%d]", f->partition);
    buf_add_char(out, '\t');
    if (f->key.len > 0)
        buf_printf(out, STR_FMT "/" STR_FMT, STR_ARG(f->tenant), STR_ARG(f->key));
    buf_add_char(out, '\t');
    if (f->version.n > 0)
        buf_printf(out, "version %lld", (long long)f->version.n);
    buf_add_char(out, '\t');
    if (f->position.n > 0)
        buf_printf(out, "position %lld", (long long)f->position.n);
    buf_printf(out, "\t" STR_FMT "\n", STR_ARG(f->text));
}

static void clear_progress(struct printing *printing)
{
    if (printing->is_terminal && printing->drawn_ms > 0)
        fputs("\r\033[K", stderr);
}

static void print_finding(void *arg, const struct finding *finding)
{
    SCOPED_VALUE(buf_release) struct buf line = BUF_INIT(LINE_BYTES_MAX);
    struct printing *printing = arg;

    if (printing->left == 0)
        return;
    printing->left--;
    clear_progress(printing);
    if (printing->as_json) {
        finding_write_json(finding, &line);
        buf_add_char(&line, '\n');
    } else {
        write_text(finding, &line);
    }
    if (!program_print(buf_str(&line)))
        printing->is_broken = true;
}

static bool show_progress(void *arg, const struct verify_progress *progress)
{
    struct printing *printing = arg;
    int64_t now_ms = clock_monotonic_ms();

    if (printing->is_terminal && now_ms - printing->drawn_ms >= REDRAW_MS) {
        printing->drawn_ms = now_ms;
        fprintf(stderr, "\r\033[Kverifying %s: %lld", progress->doing, (long long)progress->done);
        if (progress->total > 0)
            fprintf(stderr, " of %lld", (long long)progress->total);
    }
    return !printing->is_broken;
}

static void print_summary(const struct verify_report *report, int64_t took_ms)
{
    SCOPED_VALUE(buf_release) struct buf counts = BUF_INIT(LINE_BYTES_MAX);

    fprintf(stderr,
            "verified up to position %lld in %.1f s: %llu events and %llu records read, %llu rows "
            "compared\n",
            (long long)report->head.n, (double)took_ms / 1000, (unsigned long long)report->events,
            (unsigned long long)report->records, (unsigned long long)report->rows);
    verify_write_counts(report, &counts);
    fprintf(stderr, STR_FMT, STR_ARG(buf_str(&counts)));
    fputc('\n', stderr);
}

static unsigned parts_of(const struct invocation *invocation)
{
    enum verify_part part;
    unsigned parts = 0;

    for (size_t i = 0; i < invocation->options_count; i++)
        if (strcmp(invocation->options[i].option->name, "only") == 0 &&
            verify_part_parse(str_of(invocation->options[i].value), &part))
            parts |= part;
    return parts != 0 ? parts : VERIFY_ALL;
}

static bool read_options(const struct invocation *invocation, struct printing *ret,
                         struct error *err)
{
    const char *findings = invocation_option(invocation, "findings");
    const char *keys = invocation_option(invocation, "keys");
    const char *output = invocation_option(invocation, "output");

    *ret = (struct printing){.left = FINDINGS_DEFAULT,
                             .keys_max = VERIFY_KEYS_DEFAULT,
                             .as_json = output && strcmp(output, "ndjson") == 0,
                             .is_terminal = isatty(STDERR_FILENO)};
    if (findings && !str_to_u64(str_of(findings), UINT32_MAX, &ret->left))
        return error_set(err, ERROR_REFUSED, "usage", "--findings takes a number, not '%s'",
                         findings);
    if (keys && (!str_to_u64(str_of(keys), UINT32_MAX, &ret->keys_max) || ret->keys_max == 0))
        return error_set(err, ERROR_REFUSED, "usage", "--keys takes a number from 1, not '%s'",
                         keys);
    return true;
}

int verify_verb_run(struct invocation *invocation)
{
    const struct projection *const *projections;
    SCOPED(config_free) struct config *config = NULL;
    struct verify_report report;
    struct printing printing;
    int64_t began_ms = clock_monotonic_ms();
    struct error err;
    bool ok;

    if (!read_options(invocation, &printing, &err)) {
        program_complain(invocation->program, &err);
        return EXIT_USAGE;
    }
    if (!settings_load(invocation, &config) ||
        !settings_projections(invocation, config, &projections))
        return EXIT_CONFIGURATION;
    struct kafka_config kafka =
        settings_kafka(config, settings_instance(config, invocation->arena), invocation->arena);
    struct verify_config verify = {
        .postgres = settings_postgres(config, "daybookd verify"),
        .kafka = &kafka,
        .projections = projections,
        .parts = parts_of(invocation),
        .keys_max = (size_t)printing.keys_max,
        .kafka_timeout_ms = VERIFY_KAFKA_TIMEOUT_MS,
        .found = print_finding,
        .go_on = show_progress,
        .arg = &printing,
    };
    ok = verify_run(&verify, &report, &err);
    clear_progress(&printing);
    print_summary(&report, clock_monotonic_ms() - began_ms);
    if (!ok) {
        program_complain(invocation->program, &err);
        return err.class == ERROR_TRANSIENT ? EXIT_UNAVAILABLE : EXIT_FAILED;
    }
    return verify_drift(&report) > 0 ? EXIT_DRIFT : EXIT_OK;
}
