/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bench append`: writes handed straight to a writer, without HTTP, a fixed number of them always
 * outstanding.
 */
#include "cmd/daybookd/bench.h"
#include "cmd/daybookd/bench_times.h"
#include "cmd/daybookd/bench_writes.h"
#include "cmd/daybookd/settings.h"
#include "cmd/daybookd/verbs.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/queue.h"
#include "base/uuid.h"
#include "eventlog/identity.h"
#include "eventlog/writer.h"

#include <assert.h>
#include <stdlib.h>

enum {
    WRITE_DEADLINE_MS = 10000,
    OUTSTANDING_DEFAULT = 256,
    OUTSTANDING_MAX = 4096,
    SECONDS_DEFAULT = 5,
    SECONDS_MAX = 600,
    EVENTS_MAX = 1000,
    METRICS_BYTES_MAX = 4 << 20,
};

const struct program_option bench_append_options[] = {
    {.name = "yes", .letter = 'y', .text = "append: without it nothing is done"},
    {.name = "outstanding",
     .value = "N",
     .text = "writes that wait for their answer at any time (default 256)"},
    {.name = "seconds", .value = "S", .text = "how long (default 5)"},
    {.name = "events", .value = "N", .text = "in each write (default 1)"},
    {.name = "orders", .text = "place orders of 1,000 SKUs instead of giving events"},
    {.name = "output",
     .letter = 'o',
     .value = "FORMAT",
     .choices = "text|json",
     .text = "how figures are printed"},
    {0},
};

struct bench;

struct slot {
    struct bench *bench;
    struct arena *arena;
    struct write write;
    int64_t begun_us;
    int64_t ended_us; /* written by the writer's thread */
};

struct bench {
    uint64_t outstanding;
    uint64_t seconds;
    bool orders;
    struct writer *writer;
    struct queue *finished; /* of struct slot; room for all */
    struct slot *slots;
    struct writes writes;
    struct times times;
    uint64_t writes_count;
    uint64_t events_count;
};

static void compose(struct write *write, struct stored_answer *ret_answer)
{
    (void)write;
    *ret_answer = (struct stored_answer){.status = 201};
}

static void done(struct write *write)
{
    struct slot *slot = write->data;

    slot->ended_us = clock_monotonic_us();
    if (queue_push(slot->bench->finished, slot) != QUEUE_PUSHED)
        abort();
}

static void submit(struct slot *slot, writes_fn fill)
{
    arena_clear(slot->arena);
    slot->write = (struct write){
        .arena = slot->arena,
        .tenant = STR("bench"),
        .credential = STR(""),
        .deadline_ms = clock_monotonic_ms() + WRITE_DEADLINE_MS,
        .compose = compose,
        .done = done,
        .data = slot,
    };
    fill(&slot->bench->writes, &slot->write);
    slot->begun_us = clock_monotonic_us();
    if (writer_submit(slot->bench->writer, &slot->write) != WRITER_TAKEN)
        abort(); /* its queue has room for every slot, and no key is given */
}

static bool count(struct slot *slot, struct error *err)
{
    struct bench *bench = slot->bench;
    const struct write *write = &slot->write;

    if (write->outcome == WRITE_FAILED) {
        *err = write->error;
        return error_wrap(err, "append");
    }
    if (write->outcome != WRITE_APPENDED)
        return error_set(err, ERROR_REFUSED, "", "a write was refused: %s " STR_FMT,
                         write->slug ? write->slug : "", STR_ARG(write->detail));
    times_add(&bench->times, slot->ended_us - slot->begun_us);
    bench->writes_count++;
    bench->events_count += write->events_count;
    return true;
}

/* Writes until ENDS_US, or so many. After a fault no more are given, but all are waited for. */
static bool run(struct bench *bench, writes_fn fill, int64_t ends_us, uint64_t writes_max,
                struct error *err)
{
    uint64_t submitted = 0;
    uint64_t running = 0;
    bool ok = true;

    for (; running < bench->outstanding && submitted < writes_max; running++, submitted++)
        submit(&bench->slots[running], fill);
    while (running > 0) {
        struct slot *slot = queue_pop(bench->finished, -1);

        running--;
        ok = ok && count(slot, err);
        if (ok && clock_monotonic_us() < ends_us && submitted < writes_max) {
            submit(slot, fill);
            running++;
            submitted++;
        }
    }
    return ok;
}

struct batches {
    double count;
    double commands;
};

/* The value behind the line's name in the text of all metrics; 0: it was not counted yet. */
static double metric_of(struct str text, struct str name)
{
    while (text.len > 0) {
        struct str line = str_split(text, '\n', &text);

        if (str_starts_with(line, name) && line.len > name.len && line.data[name.len] == ' ')
            return strtod(line.data + name.len, NULL); /* a line ends with \n */
    }
    return 0;
}

static struct batches batches_so_far(void)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(METRICS_BYTES_MAX);

    metrics_write(&text);
    return (struct batches){
        .count = metric_of(buf_str(&text), STR("daybook_append_batch_commands_count")),
        .commands = metric_of(buf_str(&text), STR("daybook_append_batch_commands_sum")),
    };
}

static int print(const struct invocation *invocation, const struct bench *bench, double seconds,
                 struct batches before)
{
    struct batches after = batches_so_far();
    double batches = after.count - before.count;
    const struct figure figures[] = {
        {"writes_per_second", "", " writes/s", (double)bench->writes_count / seconds, 0},
        {"events_per_second", "", " events/s", (double)bench->events_count / seconds, 0},
        {"mean_batch", "mean batch ", "",
         batches > 0 ? (after.commands - before.commands) / batches : 0, 1},
        {"p50_ms", "p50 ", " ms", (double)times_at(&bench->times, 0.5) / 1000, 2},
        {"p99_ms", "p99 ", " ms", (double)times_at(&bench->times, 0.99) / 1000, 2},
        {"events", "", " events appended", (double)bench->events_count, 0},
    };

    return bench_print(invocation, figures, sizeof figures / sizeof *figures);
}

static int measure(const struct invocation *invocation, struct bench *bench)
{
    struct error err;

    if (bench->orders && !run(bench, writes_receive, INT64_MAX, WRITES_SKUS, &err))
        return bench_complain(invocation, &err);
    bench->times = (struct times){0};
    bench->writes_count = bench->events_count = 0;
    struct batches before = batches_so_far();
    int64_t began_us = clock_monotonic_us();
    if (!run(bench, bench->orders ? writes_order : writes_append,
             began_us + (int64_t)bench->seconds * 1000000, UINT64_MAX, &err))
        return bench_complain(invocation, &err);
    return print(invocation, bench, (double)(clock_monotonic_us() - began_us) / 1e6, before);
}

/* The writer would try for ever: whether there is a log is asked first. */
static bool find_log(const struct config *config, struct error *err)
{
    struct pg_config postgres = settings_postgres(config, "daybookd bench");
    SCOPED(pg_free) struct pg_conn *conn = pg_new(&postgres, PG_PROFILE_QUERY);
    struct log_identity identity;

    return pg_open(conn, err) && log_identity_load(conn, &identity, err);
}

static void make_slots(struct bench *bench)
{
    bench->finished = queue_new((size_t)bench->outstanding);
    bench->slots = mem_zalloc((size_t)bench->outstanding * sizeof *bench->slots);
    for (uint64_t i = 0; i < bench->outstanding; i++)
        bench->slots[i] = (struct slot){.bench = bench, .arena = arena_new(0)};
}

static void free_slots(struct bench *bench)
{
    for (uint64_t i = 0; i < bench->outstanding; i++)
        arena_free(bench->slots[i].arena);
    mem_free(bench->slots);
    queue_free(bench->finished);
}

static int run_with(const struct invocation *invocation, const struct config *config,
                    struct bench *bench)
{
    struct writer_config writer = settings_writer(config, "daybookd bench");
    struct error err;
    int status;

    if (bench->outstanding > writer.queue_commands_max) {
        error_set(&err, ERROR_REFUSED, "usage",
                  "--outstanding is more than eventlog.queue_commands_max, which is %zu",
                  writer.queue_commands_max);
        return bench_complain(invocation, &err);
    }
    if (!find_log(config, &err) || !writer_start(&writer, &bench->writer, &err))
        return bench_complain(invocation, &err);
    make_slots(bench);
    status = measure(invocation, bench);
    writer_stop(bench->writer);
    free_slots(bench);
    return status;
}

static bool read_options(const struct invocation *invocation, struct bench *ret, struct error *err)
{
    uint64_t events = 1;

    ret->outstanding = OUTSTANDING_DEFAULT;
    ret->seconds = SECONDS_DEFAULT;
    ret->orders = invocation_has(invocation, "orders");
    if (!bench_number(invocation, "outstanding", OUTSTANDING_MAX, &ret->outstanding, err) ||
        !bench_number(invocation, "seconds", SECONDS_MAX, &ret->seconds, err) ||
        !bench_number(invocation, "events", EVENTS_MAX, &events, err))
        return false;
    if (ret->orders && invocation_has(invocation, "events"))
        return error_set(err, ERROR_REFUSED, "usage",
                         "--events does not go with --orders, which decide their events");
    if (!invocation_has(invocation, "yes")) {
        error_set(err, ERROR_REFUSED, "usage",
                  "'bench append' appends to this log for real, and what is in a log stays");
        return error_hint(err, "Give --yes if that is what you want.");
    }
    ret->writes = (struct writes){.tag = random_u64(), .events_each = (unsigned)events};
    return true;
}

int bench_append_run(struct invocation *invocation)
{
    SCOPED(config_free) struct config *config = NULL;
    struct error err;
    int status;

    struct bench *bench = mem_zalloc(sizeof *bench);
    if (!read_options(invocation, bench, &err)) {
        status = bench_complain(invocation, &err);
    } else if (!settings_load(invocation, &config)) {
        status = EXIT_CONFIGURATION;
    } else {
        json_setup();
        log_init(LOG_WARN, settings_log_format(config)); /* the writer tells of faults */
        status = run_with(invocation, config, bench);
    }
    mem_free(bench);
    return status;
}
