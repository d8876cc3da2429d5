/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the owner of partitions does for parked keys between two batches: attempts and queues that
 * are due, what people asked for, letters to announce. A little at a time: batches come first.
 */
#include "projection/worker_internal.h"

#include <assert.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "projection/announce.h"
#include "projection/key_work.h"
#include "projection/parked_set.h"
#include "projection/parking_store.h"
#include "projection/sql.h"
#include "projection/table.h"

enum {
    PARK_ROUND_KEYS = 32,
    PARK_ROUND_MS = 50,
    REQUESTS_MS = 500, /* how long a person waits at most before the owner sees it */
    REQUESTS_ROUND = 64,
    LETTERS_MS = 5000,
    LETTERS_LOG_MS = 10000,
};

static struct checkpoint_set set_of(const struct worker *worker)
{
    return (struct checkpoint_set){worker->config.table->projection->name,
                                   worker->config.table->generation};
}

static struct checkpoint checkpoint_of(const struct partition *p)
{
    return (struct checkpoint){
        .topic = p->topic, .partition = p->number, .epoch = p->core.epoch, .at = p->core.at};
}

static bool partition_is_str(const struct partition *p, struct str topic, int64_t number)
{
    return p->number == number && str_equal(str_of(p->topic), topic);
}

/* Whether the keys in memory are those of the database, and ours to change. */
static bool is_owned(struct worker *worker, const struct partition *p)
{
    return pg_is_open(worker->conn) && !atomic_load(&p->revoked) &&
           (p->core.phase == PARTITION_READ || p->core.phase == PARTITION_FILL);
}

static void fenced(struct worker *worker, struct partition *p, int64_t now_ms)
{
    struct error err;

    error_set(&err, ERROR_FENCED, "fenced", "another worker took '%s' partition %d", p->topic,
              p->number);
    worker_failed(worker, p, &err, 0, now_ms);
}

static void tell_letter(struct worker *worker, struct partition *p, const struct parked_key *key)
{
    unsigned held_back;

    p->unannounced = true;
    if (log_gate_open(&worker->letters_gate, STR("dead letter"), clock_monotonic_ms(),
                      LETTERS_LOG_MS, &held_back))
        log_warn("dead letter", LOG_CSTR("projection", worker->config.table->projection->name),
                 LOG_CSTR("topic", p->topic), LOG_I64("partition", p->number),
                 LOG_I64("letter", key->letter), LOG_I64("position", key->position.n),
                 LOG_I64("held_back", held_back));
}

/* Takes over what a committed transaction made of a key. */
static void keep(struct worker *worker, struct partition *p, const struct key_job *job,
                 const struct key_done *done)
{
    const struct parking_change *change = &done->change;

    worker_count(worker, PROJECTION_RELEASED, done->folded);
    if (change->letter == PARKING_LETTER_NEW)
        tell_letter(worker, p, &change->key);
    if (job->task == PARKING_GONE)
        return;
    if (change->gone)
        parked_set_remove(p->parked, job->key->tenant, job->key->stream);
    else
        parked_set_put(p->parked, &change->key);
}

/* What the database refuses is made smaller until one event stands alone; that one has failed. */
static bool narrow(struct key_job *job, const struct key_done *done, struct error *why)
{
    if (job->refused)
        return false;
    if (done->folded > 1) {
        job->events_max = done->folded / 2;
        return true;
    }
    *why = done->err;
    job->refused = why;
    job->events_max = 1;
    return true;
}

/* One task for one key, to its end. False: the partition's core was told of a failure. */
static bool do_job(struct worker *worker, struct partition *p, struct key_job *job, int64_t now_ms)
{
    struct key_done done;
    struct error why;

    job->checkpoint = checkpoint_of(p);
    job->events_max = KEY_SLICE_EVENTS;
    do {
        arena_clear(worker->arena);
        key_work(worker->conn, worker->config.table, job, &worker->config.parking, now_ms,
                 worker->arena, &done);
    } while (done.result == KEY_REFUSED && narrow(job, &done, &why));
    switch (done.result) {
    case KEY_DONE:
        keep(worker, p, job, &done);
        return true;
    case KEY_CANCELLED:
        return true;
    case KEY_FENCED:
        fenced(worker, p, now_ms);
        return false;
    case KEY_REFUSED: /* even without that event */
        worker_block(worker, p, poison_class(&done.err), job->key->position, done.err.text);
        return false;
    case KEY_FAILED:
        if (done.err.class == ERROR_POISON) /* not by any event's data */
            worker_block(worker, p, "internal-error", p->core.at.position, done.err.text);
        else
            worker_failed(worker, p, &done.err, 0, now_ms);
        return false;
    }
    assert(!"a result of a key's work");
    return false;
}

/* The names of a copy stay where they are: a key's own lie in the set until it is removed. */
static bool do_due(struct worker *worker, struct partition *p, size_t index, int64_t now_ms)
{
    struct parked_key key = *parked_set_at(p->parked, index);
    struct key_job job = {.key = &key};

    job.task = parking_task_due(&key, &worker->config.parking, now_ms);
    return job.task == PARKING_NOTHING || do_job(worker, p, &job, now_ms);
}

/* From the end: one that is done is taken out, and the last comes into its place. */
static size_t work_keys(struct worker *worker, struct partition *p, int64_t now_ms, size_t keys_max,
                        int64_t until_ms)
{
    size_t done = 0;

    if (!is_owned(worker, p) || parked_set_due_ms(p->parked) > now_ms)
        return 0;
    for (size_t i = parked_set_count(p->parked); i > 0 && done < keys_max; i--) {
        if (parked_set_at(p->parked, i - 1)->due_ms > now_ms)
            continue;
        done++;
        if (!do_due(worker, p, i - 1, now_ms) || clock_monotonic_ms() >= until_ms)
            break;
    }
    return done;
}

/* Requests. */

struct asked {
    int64_t id;
    int64_t letter;
    enum parking_verb verb;
    struct str by;
    struct str reason;
    struct str topic;
    int32_t partition;
    struct str tenant;
    struct str stream;
};

static void add_partitions(struct worker *worker, struct pg_params *params)
{
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < worker->partitions_count; i++)
        if (is_owned(worker, worker->partitions[i]))
            pg_array_str(params, str_of(worker->partitions[i]->topic));
    pg_array_close(params);
    pg_array_open(params, PG_INT4);
    for (size_t i = 0; i < worker->partitions_count; i++)
        if (is_owned(worker, worker->partitions[i]))
            pg_array_i64(params, worker->partitions[i]->number);
    pg_array_close(params);
}

static void read_asked(const struct pg_rows *rows, size_t row, struct arena *arena,
                       struct asked *ret)
{
    *ret = (struct asked){
        .id = pg_get_i64(rows, row, 0),
        .letter = pg_get_i64(rows, row, 1),
        .verb = str_equal(pg_get_str(rows, row, 2), STR("discard")) ? PARKING_VERB_DISCARD
                                                                    : PARKING_VERB_REDRIVE,
        .by = arena_dup(arena, pg_get_str(rows, row, 3)),
        .reason = arena_dup(arena, pg_get_str(rows, row, 4)),
        .topic = arena_dup(arena, pg_get_str(rows, row, 5)),
        .partition = (int32_t)pg_get_i64(rows, row, 6),
        .tenant = arena_dup(arena, pg_get_str(rows, row, 7)),
        .stream = arena_dup(arena, pg_get_str(rows, row, 8)),
    };
}

static bool load_asked(struct worker *worker, struct arena *arena, struct asked **ret,
                       size_t *ret_count, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_str(&params, str_of(set_of(worker).projection));
    pg_add_i32(&params, set_of(worker).generation);
    add_partitions(worker, &params);
    pg_add_i64(&params, REQUESTS_ROUND);
    if (!pg_query(worker->conn, sql_letter_requests_due, &params, &rows, err))
        return false;
    *ret_count = pg_rows_count(rows);
    *ret = ARENA_ARRAY(arena, struct asked, *ret_count);
    for (size_t i = 0; i < *ret_count; i++)
        read_asked(rows, i, arena, &(*ret)[i]);
    return true;
}

static struct partition *find_partition(struct worker *worker, const struct asked *asked)
{
    for (size_t i = 0; i < worker->partitions_count; i++) {
        struct partition *p = worker->partitions[i];

        if (partition_is_str(p, asked->topic, asked->partition))
            return is_owned(worker, p) ? p : NULL;
    }
    return NULL;
}

static void do_asked(struct worker *worker, const struct asked *asked, int64_t now_ms)
{
    struct partition *p = find_partition(worker, asked);
    struct key_job job = {
        .request = asked->id, .letter = asked->letter, .by = asked->by, .reason = asked->reason};
    const struct parked_key *known;
    struct parked_key key;

    if (!p)
        return;
    known = parked_set_find(p->parked, asked->tenant, asked->stream);
    job.task = parking_task_asked(known, asked->letter, asked->verb);
    if (known) {
        key = *known;
        job.key = &key;
    }
    do_job(worker, p, &job, now_ms);
}

/* True: there may be more. */
static bool work_requests(struct worker *worker, int64_t now_ms, int64_t until_ms)
{
    SCOPED(arena_free) struct arena *arena = NULL;
    struct asked *asked;
    struct error err;
    size_t count, i = 0;

    if (now_ms < worker->requests_at_ms)
        return false;
    arena = arena_new(0);
    worker->requests_at_ms = now_ms + REQUESTS_MS;
    if (!load_asked(worker, arena, &asked, &count, &err)) {
        log_debug("projection looks for requests", LOG_ERR(&err));
        return false; /* what fails here fails for the next statement of a partition, too */
    }
    while (i < count && clock_monotonic_ms() < until_ms)
        do_asked(worker, &asked[i++], now_ms);
    if (i < count || count == REQUESTS_ROUND)
        worker->requests_at_ms = now_ms;
    return i > 0;
}

/* Announcements. */

/* Letters that are not announced though their generation is live: made before it was. */
static void find_unannounced(struct worker *worker, int64_t now_ms)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct error err;

    worker->letters_at_ms = now_ms + LETTERS_MS;
    pg_params_init(&params);
    pg_add_str(&params, str_of(set_of(worker).projection));
    pg_add_i32(&params, set_of(worker).generation);
    if (!pg_query(worker->conn, sql_letters_late, &params, &rows, &err))
        return; /* as for requests */
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        for (size_t k = 0; k < worker->partitions_count; k++)
            if (partition_is_str(worker->partitions[k], pg_get_str(rows, i, 0),
                                 pg_get_i64(rows, i, 1)))
                worker->partitions[k]->unannounced = true;
}

static bool announce(struct worker *worker, struct partition *p, int64_t now_ms)
{
    char group[PARTITION_TOPIC_MAX + 1];
    struct announcing announcing = {
        .set = set_of(worker), .checkpoint = checkpoint_of(p), .group = group};
    struct error err;
    bool more = false;
    size_t count;

    if (!p->unannounced || !is_owned(worker, p))
        return false;
    snprintf(group, sizeof(group), "%s.%s.%d", worker->config.identity->prefix,
             announcing.set.projection, announcing.set.generation);
    arena_clear(worker->arena);
    switch (letters_announce(worker->conn, &announcing, worker->arena, &count, &more, &err)) {
    case ANNOUNCE_DONE:
        p->unannounced = more;
        return more;
    case ANNOUNCE_FENCED:
        fenced(worker, p, now_ms);
        break;
    case ANNOUNCE_FAILED:
        worker_failed(worker, p, &err, 0, now_ms);
        break;
    }
    return false;
}

bool worker_park_due(struct worker *worker, int64_t now_ms)
{
    int64_t until_ms = clock_monotonic_ms() + PARK_ROUND_MS;
    size_t left = PARK_ROUND_KEYS;
    bool more = false;

    if (worker->partitions_count == 0 || !pg_is_open(worker->conn))
        return false;
    for (size_t i = 0; i < worker->partitions_count; i++) {
        struct partition *p = worker->partitions[(worker->turn + i) % worker->partitions_count];

        if (left > 0 && clock_monotonic_ms() < until_ms)
            left -= work_keys(worker, p, now_ms, left, until_ms);
        more |= announce(worker, p, now_ms);
    }
    if (pg_is_open(worker->conn) && now_ms >= worker->letters_at_ms)
        find_unannounced(worker, now_ms);
    if (pg_is_open(worker->conn))
        more |= work_requests(worker, now_ms, until_ms + PARK_ROUND_MS);
    arena_clear(worker->arena);
    return more || left < PARK_ROUND_KEYS;
}

int64_t worker_park_at_ms(const struct worker *worker)
{
    int64_t at_ms = worker->requests_at_ms;

    for (size_t i = 0; i < worker->partitions_count; i++) {
        struct partition *p = worker->partitions[i];

        if ((p->core.phase == PARTITION_READ || p->core.phase == PARTITION_FILL) &&
            parked_set_due_ms(p->parked) < at_ms)
            at_ms = parked_set_due_ms(p->parked);
    }
    return at_ms;
}
