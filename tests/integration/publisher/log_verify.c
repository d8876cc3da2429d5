/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/publisher/log_verify.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/mem.h"
#include "eventlog/read.h"
#include "kafka/partition.h"
#include "publisher/plan.h"
#include "tests/support/await.h"

enum { ALL_PARTITIONS = -1, PARTITIONS_MAX = 16 };

struct check {
    struct log_fixture *log;
    struct arena *arena;
    int64_t from;   /* below it nothing is demanded */
    int only;       /* bits: partitions looked at */
    int64_t wanted; /* events that must be there */
    bool only_count;
    int32_t partitions;
    int64_t *last;     /* of each partition */
    uint8_t *seen;     /* by position */
    int64_t *previous; /* by position: what the partition's event before it must be */
    int64_t count;
};

static struct str header(const struct kafka_message *message, const char *name)
{
    struct str value;

    return kafka_message_header(message, name, &value) ? value : STR_NONE;
}

static int64_t header_number(const struct kafka_message *message, const char *name)
{
    uint64_t value;

    ck_assert_msg(str_to_u64(header(message, name), INT64_MAX, &value), "header %s", name);
    return (int64_t)value;
}

static void ck_str(struct str is, struct str wanted)
{
    ck_assert_msg(str_equal(is, wanted), "'" STR_FMT "' is not '" STR_FMT "'", STR_ARG(is),
                  STR_ARG(wanted));
}

static void check_content(const struct kafka_message *message, const struct event *event,
                          const char *log_id)
{
    char source[64], key[256], sequence[24];

    snprintf(source, sizeof(source), "/daybook/%s", log_id);
    snprintf(key, sizeof(key), STR_FMT "/" STR_FMT, STR_ARG(event->tenant), STR_ARG(event->stream));
    snprintf(sequence, sizeof(sequence), "%020lld", (long long)event->position.n);
    ck_str(kafka_message_key(message), str_of(key));
    ck_str(kafka_message_value(message), event->data);
    ck_str(header(message, "ce_id"), event->id);
    ck_str(header(message, "ce_source"), str_of(source));
    ck_str(header(message, "ce_specversion"), STR("1.0"));
    ck_str(header(message, "ce_type"), event->type);
    ck_str(header(message, "ce_subject"), event->stream);
    ck_str(header(message, "ce_time"), STR("2026-01-02T03:04:05Z"));
    ck_str(header(message, "ce_sequence"), str_of(sequence));
    ck_str(header(message, "ce_tenantid"), STR("main"));
    ck_str(header(message, "ce_correlationid"), STR("corr"));
    ck_str(header(message, "traceparent"), event->origin.traceparent);
    ck_str(header(message, "content-type"), STR("application/json"));
    ck_assert(header(message, "ce_causationid").data == NULL);
    ck_assert_int_eq(header_number(message, "ce_streamversion"), event->version.n);
}

static void check_order(struct check *check, const struct kafka_message *message, int64_t position)
{
    int32_t partition = kafka_message_partition(message);
    int64_t last = check->last[partition];
    int64_t previous;

    ck_assert_int_le(position, check->log->head);
    ck_assert_msg(check->seen[position] == 0, "position %lld twice", (long long)position);
    check->seen[position] = 1;
    ck_assert_int_gt(position, last);
    check->last[partition] = position;
    if (position < check->from)
        return;
    /* What went there while the topic had fewer partitions counts too. */
    previous = check->previous[position] > last ? check->previous[position] : last;
    ck_assert_int_eq(header_number(message, "ce_previousposition"), previous);
    ck_assert_int_eq(kafka_partition_of(kafka_message_key(message), check->partitions), partition);
}

static bool visit(void *arg, struct kafka_message **message, struct error *err)
{
    struct check *check = arg;
    struct event event;
    int64_t position;
    bool found;

    if (header(*message, "ce_source").data == NULL || header(*message, "forged").data != NULL ||
        (check->only & (1 << kafka_message_partition(*message))) == 0)
        return true;
    position = header_number(*message, "ce_globalposition");
    check->count += position >= check->from;
    if (check->only_count)
        return true;
    check_order(check, *message, position);
    if (check->log->head > 1000 && position % 97 != 1) /* samples of a large log */
        return true;
    arena_clear(check->arena);
    ck_ok_in(
        log_find_event(check->log->conn, POSITION(position), check->arena, &event, &found, err),
        err);
    ck_assert(found);
    check_content(*message, &event, check->log->log_id);
    return true;
}

/* The chain of each partition, as the log alone gives it. */
static void foretell(struct check *check, struct str category)
{
    int64_t *last = mem_calloc((size_t)check->partitions, sizeof(int64_t));
    struct event_page page = {0};
    struct error err = {0};
    char key[PLAN_KEY_MAX];

    do {
        arena_clear(check->arena);
        ck_ok(log_read(check->log->conn, page.read_to, POSITION(0), NULL, LOG_SLICE_EVENTS_MAX,
                       check->arena, &page, &err));
        for (size_t i = 0; i < page.count; i++) {
            const struct event *event = &page.events[i];
            int32_t p = kafka_partition_of(plan_key(event, key), check->partitions);

            if (!str_equal(name_category(event->stream), category))
                continue;
            check->wanted += event->position.n >= check->from && (check->only & (1 << p)) != 0;
            check->previous[event->position.n] = last[p];
            last[p] = event->position.n;
        }
    } while (page.read_to.n < page.head.n);
    mem_free(last);
}

/* The end for a committed reader, once no transaction is open: markers follow a commit's answer. */
static void find_bounds(struct kafka_reader *reader, struct kafka_reader *everything,
                        struct kafka_range *range)
{
    struct await await = await_for(FIXTURE_TIMEOUT_MS);
    struct kafka_range whole = *range;
    struct error err = {0};

    for (;;) {
        ck_ok(kafka_reader_bounds(reader, range, fixture_deadline(), &err));
        ck_ok(kafka_reader_bounds(everything, &whole, fixture_deadline(), &err));
        if (range->to == whole.to)
            return;
        await_more(&await, "'%s' [%d] is stable up to %lld of %lld", range->topic,
                   (int)range->partition, (long long)range->to, (long long)whole.to);
    }
}

static void verify_topic(struct check *check, const char *category)
{
    SCOPED(kafka_reader_free) struct kafka_reader *reader = NULL;
    SCOPED(kafka_reader_free) struct kafka_reader *everything = NULL;
    SCOPED(kafka_admin_free) struct kafka_admin *admin = NULL;
    struct kafka_range ranges[PARTITIONS_MAX];
    char topic[CURSOR_TOPIC_MAX];
    struct error err = {0};

    log_fixture_topic(check->log, category, topic);
    ck_ok(kafka_admin_new(fixture_kafka(), &admin, &err));
    ck_ok(kafka_admin_partitions(admin, topic, fixture_deadline(), &check->partitions, &err));
    ck_assert_int_gt(check->partitions, 0);
    ck_assert_int_le(check->partitions, PARTITIONS_MAX);
    foretell(check, str_of(category));
    check->last = mem_calloc((size_t)check->partitions, sizeof(int64_t));
    ck_ok(kafka_reader_new(fixture_kafka(), KAFKA_READ_COMMITTED, &reader, &err));
    ck_ok(kafka_reader_new(fixture_kafka(), KAFKA_READ_UNCOMMITTED, &everything, &err));
    for (int32_t p = 0; p < check->partitions; p++) {
        ranges[p] = (struct kafka_range){.topic = topic, .partition = p};
        find_bounds(reader, everything, &ranges[p]);
    }
    ck_ok(kafka_reader_read(reader, ranges, (size_t)check->partitions, visit, check,
                            fixture_deadline(), &err));
    mem_free(check->last);
}

static void read_topics(struct check *check, const char *categories)
{
    SCOPED(arena_free) struct arena *names = arena_new(0);
    struct str rest = str_of(categories);
    struct error err = {0};

    check->arena = arena_new(0);
    check->seen = mem_zalloc((size_t)check->log->head + 1);
    check->previous = mem_calloc((size_t)check->log->head + 1, sizeof(int64_t));
    ck_ok(pg_open(check->log->conn, &err));
    while (rest.len > 0)
        verify_topic(check, arena_cstr(names, str_split(rest, ' ', &rest)));
    arena_free(check->arena);
    mem_free(check->seen);
    mem_free(check->previous);
}

void log_verify_from(struct log_fixture *log, const char *categories, int64_t from)
{
    struct check check = {.log = log, .from = from, .only = ALL_PARTITIONS};

    read_topics(&check, categories);
    ck_assert_int_eq(check.wanted, log->head - from + 1); /* no category was left out */
    ck_assert_int_eq(check.count, check.wanted);
}

void log_verify_only(struct log_fixture *log, const char *categories, int64_t from, int partitions)
{
    struct check check = {.log = log, .from = from, .only = partitions};

    read_topics(&check, categories);
    ck_assert_int_gt(check.wanted, 0);
    ck_assert_int_eq(check.count, check.wanted);
}

void log_verify(struct log_fixture *log, const char *categories)
{
    log_verify_from(log, categories, 1);
}

int64_t log_visible(struct log_fixture *log, const char *categories)
{
    struct check check = {.log = log, .from = 1, .only = ALL_PARTITIONS, .only_count = true};

    read_topics(&check, categories);
    return check.count;
}
