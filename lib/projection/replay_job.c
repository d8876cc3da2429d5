/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries a replay out. Where it is, is in the topic: one transactional id a job fences whoever had
 * it before, and the last committed record of the job says what is behind it.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "eventlog/identity.h"
#include "kafka/admin.h"
#include "kafka/partition.h"
#include "kafka/producer.h"
#include "kafka/reader.h"
#include "projection/replay.h"
#include "publisher/record.h"
#include "publisher/topics.h"

enum {
    BATCH_EVENTS = 2000,
    TAIL_RECORDS = 1000, /* looked through first for the job's last one; control records count */
    TAIL_MS = 30000,
    CALL_MS = 5000,
    PACE_MS = 3, /* between two transactions: docs/publisher.md */
    TRANSACTION_TIMEOUT_MS = 15000,
    RATE_SLICES = 10, /* a second */
    NUMBER_MAX = 24,
};

struct replay {
    struct job_run *run;
    struct pg_conn *conn;
    struct log_identity identity;
    char id[NUMBER_MAX]; /* the job's, as its records have it */
    struct arena *arguments;
    struct log_filter filter;
    struct position at; /* everything at or below it is in the topic */
    struct position up_to;
    int64_t rate;
    int64_t number; /* of the last record */
    int64_t begun_ms;
    int64_t begun_number;

    struct kafka_admin *admin;
    struct kafka_producer *producer; /* NULL: to be made */
    struct cursor_topic topic;       /* lanes: the last position of each partition */
};

/* What is asked. */

static struct str text_of(struct replay *r, json_t *arguments, const char *key)
{
    const char *text = json_string_value(json_object_get(arguments, key));

    return text ? arena_dup(r->arguments, str_of(text)) : STR_NONE;
}

static bool time_of(json_t *arguments, const char *key, int64_t *ret_us)
{
    const char *text = json_string_value(json_object_get(arguments, key));

    return !text || clock_parse_rfc3339(str_of(text), ret_us);
}

static bool read_arguments(struct replay *r, struct error *err)
{
    SCOPED(json_decref) json_t *arguments = NULL;
    const char *topic;

    if (!json_parse_stored(job_of(r->run)->arguments, &arguments, err))
        return false;
    topic = json_string_value(json_object_get(arguments, "topic"));
    r->filter.tenant = text_of(r, arguments, "tenant");
    r->filter.category = text_of(r, arguments, "category");
    r->filter.type = text_of(r, arguments, "type");
    r->at = POSITION(json_integer_value(json_object_get(arguments, "after")));
    r->up_to = POSITION(json_integer_value(json_object_get(arguments, "up_to")));
    r->rate = json_integer_value(json_object_get(arguments, "rate"));
    if (!topic || strlen(topic) > REPLAY_TOPIC_MAX ||
        !time_of(arguments, "since", &r->filter.since_us) ||
        !time_of(arguments, "until", &r->filter.until_us))
        return error_set(err, ERROR_FATAL, "internal-error",
                         "the job's arguments are not a replay's");
    snprintf(r->topic.topic, sizeof(r->topic.topic), "%s", topic);
    snprintf(r->id, sizeof(r->id), "%" PRId64, job_of(r->run)->id);
    return true;
}

/* False: something else is wanted, or *err. */
static bool count_all(struct replay *r, struct error *err)
{
    int64_t total = 0;

    job_say(r->run, "counts what is to be replayed");
    for (struct position at = r->at; at.n < r->up_to.n;) {
        struct position to = POSITION(at.n + LOG_COUNT_POSITIONS);
        int64_t count;

        if (to.n > r->up_to.n)
            to = r->up_to;
        if (job_call(r->run) != JOB_GO_ON ||
            !log_count_slice(r->conn, at, to, &r->filter, &count, err))
            return false;
        total += count;
        at = to;
    }
    job_count(r->run, 0, total);
    return true;
}

/* Kafka. */

static void close_kafka(struct replay *r)
{
    kafka_producer_free(TAKE(r->producer));
    kafka_admin_free(TAKE(r->admin));
    mem_free(TAKE(r->topic.lanes));
}

static bool make_topic(struct replay *r, int64_t deadline_ms, struct error *err)
{
    const struct job_config *config = job_config_of(r->run);
    const struct topics_config topics = {.partitions = config->topic_partitions,
                                         .replication = config->topic_replication,
                                         .retention_ms = config->topic_retention_ms};
    char fault[ERROR_TEXT_MAX];

    if (!kafka_admin_new(&config->kafka, &r->admin, err) ||
        !topics_make_event(r->admin, &topics, r->topic.topic, deadline_ms, &r->topic.partitions,
                           err) ||
        !topics_check(r->admin, TOPICS_EVENTS, r->topic.topic, deadline_ms, fault, sizeof(fault),
                      err))
        return false;
    if (fault[0])
        return error_set(err, ERROR_REFUSED, "topic-settings", "topic '%s': %s", r->topic.topic,
                         fault);
    r->topic.lanes = mem_calloc((size_t)r->topic.partitions, sizeof(*r->topic.lanes));
    return true;
}

static bool make_producer(struct replay *r, int64_t deadline_ms, struct error *err)
{
    char id[UUID_TEXT_LEN + 64];
    const struct kafka_producer_config config = {.kafka = &job_config_of(r->run)->kafka,
                                                 .transactional_id = id,
                                                 .transaction_timeout_ms = TRANSACTION_TIMEOUT_MS,
                                                 .message_bytes_max = TOPIC_MESSAGE_BYTES_MAX};

    snprintf(id, sizeof(id), "daybook.%s.replay.%s", r->identity.id, r->id);
    return kafka_producer_new(&config, &r->producer, err) &&
           kafka_producer_init(r->producer, deadline_ms, err) &&
           kafka_producer_prepare(r->producer, r->topic.topic, deadline_ms, err);
}

static bool header_i64(const struct kafka_message *message, const char *name, int64_t *ret)
{
    struct str value;

    return kafka_message_header(message, name, &value) && value.data && str_to_i64(value, ret);
}

/* A record of this job: it is behind all that came before. */
static bool visit(void *arg, struct kafka_message **message, struct error *err)
{
    struct replay *r = arg;
    int32_t partition = kafka_message_partition(*message);
    struct str job;
    int64_t position, number;

    (void)err;
    if (!kafka_message_header(*message, "ce_replay", &job) || !str_equal(job, str_of(r->id)) ||
        !header_i64(*message, "ce_globalposition", &position) ||
        !header_i64(*message, "ce_replaynumber", &number) || partition >= r->topic.partitions)
        return true;
    r->topic.lanes[partition].last = POSITION(position);
    if (position > r->at.n)
        r->at = POSITION(position);
    if (number > r->number)
        r->number = number;
    return true;
}

/* The job's last record of a partition, in windows that grow backwards: others may write to the
 * topic, too. Without a record before there is nothing to look for. */
static bool read_tail(struct replay *r, struct kafka_reader *reader, int32_t partition,
                      bool may_be_far, struct error *err)
{
    struct kafka_range all = {.topic = r->topic.topic, .partition = partition};
    struct kafka_range range;

    if (!kafka_reader_bounds(reader, &all, clock_monotonic_ms() + CALL_MS, err))
        return false;
    range = all;
    for (int64_t window = TAIL_RECORDS;; window *= 10) {
        range.from = all.to - window > all.from ? all.to - window : all.from;
        if (!kafka_reader_read(reader, &range, 1, visit, r, clock_monotonic_ms() + TAIL_MS, err))
            return false;
        if (range.from == all.from || r->topic.lanes[partition].last.n > 0 || !may_be_far)
            return true;
        range.to = range.from;
    }
}

/* Where the job is: the fence is up, so nobody moves it. */
static bool find_place(struct replay *r, struct error *err)
{
    SCOPED(kafka_reader_free) struct kafka_reader *reader = NULL;
    bool may_be_far = r->number > 0 || job_of(r->run)->epoch > 1;

    r->number = 0; /* what failed may have been counted */
    if (!kafka_reader_new(&job_config_of(r->run)->kafka, KAFKA_READ_COMMITTED, &reader, err))
        return false;
    for (int32_t i = 0; i < r->topic.partitions; i++)
        if (!read_tail(r, reader, i, may_be_far, err))
            return error_wrap(err, "read the end of '%s' partition %d", r->topic.topic, i);
    return true;
}

static bool open_kafka(struct replay *r, struct error *err)
{
    if (r->producer)
        return true;
    if (!make_topic(r, clock_monotonic_ms() + CALL_MS, err) ||
        !make_producer(r, clock_monotonic_ms() + CALL_MS, err) || !find_place(r, err)) {
        close_kafka(r);
        return false;
    }
    job_set_done(r->run, r->number);
    r->begun_ms = clock_monotonic_ms();
    r->begun_number = r->number;
    return true;
}

/* A batch. */

struct mark {
    struct record_space space;
    char number[NUMBER_MAX];
};

static struct kafka_record encode(struct replay *r, const struct event *event, struct mark *mark)
{
    struct plan_record planned = {.event = event,
                                  .topic = &r->topic,
                                  .partition = plan_partition(event, r->topic.partitions)};
    struct kafka_record record;
    int len;

    planned.previous = r->topic.lanes[planned.partition].last;
    record = record_encode(&planned, r->identity.source, &mark->space);
    len = snprintf(mark->number, sizeof(mark->number), "%" PRId64, ++r->number);
    assert(record.headers_count + 2 <= KAFKA_HEADERS_MAX);
    mark->space.headers[record.headers_count++] = (struct kafka_header){"ce_replay", str_of(r->id)};
    mark->space.headers[record.headers_count++] =
        (struct kafka_header){"ce_replaynumber", str_from(mark->number, (size_t)len)};
    r->topic.lanes[planned.partition].last = event->position;
    return record;
}

static bool produce(struct replay *r, const struct event_page *page, struct error *err)
{
    struct mark mark;

    if (page->count == 0)
        return true;
    if (!kafka_producer_begin(r->producer, err))
        return false;
    for (size_t i = 0; i < page->count; i++) {
        struct kafka_record record = encode(r, &page->events[i], &mark);

        if (!kafka_producer_produce(r->producer, &record, clock_monotonic_ms() + CALL_MS, err))
            return false;
    }
    return kafka_producer_commit(r->producer, clock_monotonic_ms() + CALL_MS, err);
}

static bool in_doubt(struct replay *r)
{
    struct kafka_doubt doubt = kafka_producer_doubt(r->producer);

    return doubt.closed_sockets > 0 || doubt.errors > 0;
}

static size_t batch_limit(const struct replay *r)
{
    int64_t slice = r->rate / RATE_SLICES;

    if (r->rate == 0 || slice >= BATCH_EVENTS)
        return BATCH_EVENTS;
    return slice > 0 ? (size_t)slice : 1;
}

static bool replay_batch(struct replay *r, struct error *err)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct event_page page;

    if (!log_read(r->conn, r->at, r->up_to, &r->filter, batch_limit(r), arena, &page, err))
        return false;
    if (!produce(r, &page, err))
        return false;
    r->at = page.read_to;
    job_add_done(r->run, (int64_t)page.count);
    return true;
}

/* True: something else is wanted. */
static bool keep_to_rate(struct replay *r)
{
    int64_t due_ms = clock_monotonic_ms() + PACE_MS;

    if (r->rate > 0)
        due_ms = r->begun_ms + (r->number - r->begun_number) * 1000 / r->rate;
    do {
        int64_t left_ms = due_ms - clock_monotonic_ms();

        if (job_wait(r->run, left_ms > 0 ? left_ms : 0))
            return true;
    } while (clock_monotonic_ms() < due_ms);
    return false;
}

enum turn { TURN_AGAIN, TURN_DONE, TURN_CALLED, TURN_FAILED };

static enum turn failed(struct replay *r, const struct error *err, unsigned *attempts)
{
    close_kafka(r); /* whatever was open is aborted by the next producer */
    if (err->class == ERROR_POISON || err->class == ERROR_REFUSED)
        return TURN_FAILED;
    return job_wait_out(r->run, err, attempts) ? TURN_CALLED : TURN_AGAIN;
}

static enum turn turn(struct replay *r, unsigned *attempts, struct error *err)
{
    if (!job_connect(r->run, &r->conn))
        return TURN_CALLED;
    if (!open_kafka(r, err))
        return failed(r, err, attempts);
    if (r->at.n >= r->up_to.n)
        return TURN_DONE;
    if (!replay_batch(r, err))
        return failed(r, err, attempts);
    if (*attempts > 0)
        job_say(r->run, "replays to '%s'", r->topic.topic);
    *attempts = 0;
    if (in_doubt(r))
        close_kafka(r);
    return keep_to_rate(r) ? TURN_CALLED : TURN_AGAIN;
}

static enum job_outcome called(struct job_run *run)
{
    return job_call(run) == JOB_CANCEL ? JOB_OUT_CANCELLED : JOB_OUT_LEFT;
}

static enum job_outcome work(struct replay *r, struct error *err)
{
    unsigned attempts = 0;
    enum turn result = TURN_AGAIN;

    if (!read_arguments(r, err))
        return JOB_OUT_FAILED;
    for (;;) {
        error_clear(err);
        if (!job_connect(r->run, &r->conn))
            return called(r->run);
        if (log_identity_load(r->conn, &r->identity, err) && count_all(r, err))
            break;
        if (err->class == ERROR_NONE || job_wait_out(r->run, err, &attempts))
            return called(r->run);
    }
    job_say(r->run, "replays to '%s'", r->topic.topic);
    while (result == TURN_AGAIN)
        result = turn(r, &attempts, err);
    if (result == TURN_DONE)
        job_say(r->run, "%" PRId64 " events are in '%s'", r->number, r->topic.topic);
    return result == TURN_DONE     ? JOB_OUT_DONE
           : result == TURN_FAILED ? JOB_OUT_FAILED
                                   : called(r->run);
}

static enum job_outcome run_replay(struct job_run *run, struct error *err)
{
    struct replay r = {.run = run, .arguments = arena_new(0)};
    enum job_outcome outcome = work(&r, err);

    close_kafka(&r);
    arena_free(r.arguments);
    return outcome;
}

const struct job_kind replay_kind = {.name = "replay", .run = run_replay};
