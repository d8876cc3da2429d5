/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The topics beside the log: the log's events come in order, each partition's records are read in
 * windows and met with them. Only digests are kept, so memory is bounded by the windows' number.
 */
#include "verify/lane_check.h"
#include "verify/verify_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/reader.h"
#include "projection/record.h"

#include <assert.h>
#include <xxhash.h>

enum { WINDOWS_TOTAL = 200000, WINDOW_MIN = 200, WINDOW_MAX = 20000 };

struct lane {
    struct topic_check *topics;
    const struct cursor_topic *topic;
    int32_t partition;
    struct lane_check check;
    struct digest *window; /* records read and not met yet */
    size_t window_count;
    size_t window_at;
    int64_t next;  /* offset to read on at */
    int64_t end;   /* of what is looked at */
    bool is_known; /* the first record, or that there is none, was seen */
    bool emptied;  /* retention took what was at the partition's start */
};

struct topic_check {
    struct verifier *v;
    struct kafka_reader *reader;
    struct lane *lanes; /* of all topics, in the cursor's order */
    size_t lanes_count;
    size_t window; /* records a lane */
    struct kafka_range *ranges;
};

static void tell(const struct lane *lane, enum finding_kind kind, struct position position,
                 struct str text)
{
    struct finding finding = {.kind = kind,
                              .part = VERIFY_TOPICS,
                              .name = str_of(lane->topic->topic),
                              .partition = lane->partition,
                              .position = position,
                              .text = text};

    verifier_found(lane->topics->v, &finding);
}

static void lane_found(void *arg, enum finding_kind kind, struct position position,
                       const char *text)
{
    tell(arg, kind, position, str_of(text));
}

/* Digests. */

static uint64_t hash_part(uint64_t seed, struct str part)
{
    return XXH3_64bits_withSeed(part.data, part.len, seed);
}

static struct digest digest_of(const struct event *event, struct position previous)
{
    uint64_t names = hash_part(0, event->id);

    names = hash_part(names, event->type);
    names = hash_part(names, event->tenant);
    return (struct digest){.position = event->position,
                           .previous = previous,
                           .version = event->version,
                           .names = hash_part(names, event->stream),
                           .data = hash_part(0, event->data)};
}

static bool header_of(const void *from, const char *name, struct str *ret_value)
{
    return kafka_message_header(from, name, ret_value);
}

static struct lane *lane_of(struct topic_check *topics, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < topics->lanes_count; i++) {
        struct lane *lane = &topics->lanes[i];

        if (lane->partition == partition && str_equal(str_of(lane->topic->topic), str_of(topic)))
            return lane;
    }
    return NULL;
}

/* Of the streams in the lane: dead letters are found by their projection, too. */
static struct str category_of(const struct lane *lane)
{
    struct str rest;

    return str_split(str_of(lane->topic->category), '.', &rest);
}

static bool take_message(void *arg, struct kafka_message **message, struct error *err)
{
    struct topic_check *topics = arg;
    struct lane *lane =
        lane_of(topics, kafka_message_topic(*message), kafka_message_partition(*message));
    struct record_view view = {.key = kafka_message_key(*message),
                               .value = kafka_message_value(*message),
                               .header = header_of,
                               .from = *message};
    struct record_frame frame = {.source = str_of(topics->v->identity.source),
                                 .category = category_of(lane),
                                 .partition = lane->partition,
                                 .partitions_count = lane->topic->partitions};
    char fault[RECORD_FAULT_MAX];
    struct position previous;
    struct event event;

    (void)err;
    topics->v->report->records++;
    if (record_read(&view, &frame, &event, &previous, fault)) {
        assert(lane->window_count < topics->window);
        lane->window[lane->window_count++] = digest_of(&event, previous);
    } else {
        tell(lane, FINDING_FOREIGN, POSITION(0), str_of(fault));
    }
    return true;
}

/* Windows. */

/* Reads on where a window is used up, in all lanes at once: a read costs some round trips. */
static bool refill(struct topic_check *topics, struct error *err)
{
    size_t count = 0;

    for (size_t i = 0; i < topics->lanes_count; i++) {
        struct lane *lane = &topics->lanes[i];
        int64_t to = lane->next + (int64_t)topics->window;

        if (lane->window_at < lane->window_count || lane->next >= lane->end)
            continue;
        lane->window_at = lane->window_count = 0;
        topics->ranges[count++] = (struct kafka_range){lane->topic->topic, lane->partition,
                                                       lane->next, to < lane->end ? to : lane->end};
        lane->next = topics->ranges[count - 1].to;
    }
    return kafka_reader_read(topics->reader, topics->ranges, count, take_message, topics,
                             clock_monotonic_ms() + topics->v->config->kafka_timeout_ms, err);
}

/* Retention took the partition's first records: what is gone ends where the first one left begins.
 */
static void note_start(struct lane *lane)
{
    if (lane->is_known)
        return;
    lane->is_known = true;
    if (!lane->emptied)
        return;
    lane->check.gone = lane->window_at < lane->window_count ? lane->window[lane->window_at].previous
                                                            : lane->check.above;
}

/* The lane's next record; NULL: there is none any more. */
static bool peek(struct lane *lane, const struct digest **ret_record, struct error *err)
{
    while (lane->window_at == lane->window_count && lane->next < lane->end)
        if (!refill(lane->topics, err))
            return error_wrap(err, "read topic '%s'", lane->topic->topic);
    note_start(lane);
    *ret_record = lane->window_at < lane->window_count ? &lane->window[lane->window_at] : NULL;
    return true;
}

bool topic_check_event(struct topic_check *topics, const struct event *event, struct error *err)
{
    int32_t partition = verifier_partition(topics->v, event->tenant, event->stream);
    struct digest expected = digest_of(event, POSITION(0));
    const struct cursor_topic *topic;
    struct lane *lane;
    bool settled = false;

    if (partition < 0 || event->position.n > topics->v->cursor.position.n)
        return true; /* not published yet */
    topic = verifier_topic(topics->v, event->stream);
    lane = lane_of(topics, topic->topic, partition);
    while (!settled) {
        const struct digest *record;

        if (!peek(lane, &record, err))
            return false;
        if (!record) {
            lane_check_missing(&lane->check, &expected);
            return true;
        }
        if (lane_check_record(&lane->check, record, &expected, &settled) == LANE_TAKE)
            lane->window_at++;
    }
    return true;
}

bool topic_check_end(struct topic_check *topics, struct error *err)
{
    for (size_t i = 0; i < topics->lanes_count; i++) {
        struct lane *lane = &topics->lanes[i];
        const struct digest *record;

        do {
            if (!peek(lane, &record, err))
                return false;
            if (record) {
                lane_check_rest(&lane->check, record);
                lane->window_at++;
            }
        } while (record);
        lane_check_end(&lane->check);
    }
    return true;
}

/* Begin and end. */

static bool lane_open(struct topic_check *topics, struct lane *lane,
                      const struct cursor_topic *topic, int32_t partition, struct error *err)
{
    struct kafka_range range = {.topic = topic->topic, .partition = partition};
    int64_t deadline_ms = clock_monotonic_ms() + topics->v->config->kafka_timeout_ms;

    *lane = (struct lane){.topics = topics, .topic = topic, .partition = partition};
    lane_check_init(&lane->check, topic->lanes[partition].floor, topics->v->cursor.position,
                    lane_found, lane);
    if (!kafka_reader_bounds(topics->reader, &range, deadline_ms, err))
        return error_wrap(err, "look at topic '%s'", topic->topic);
    lane->next = range.from;
    lane->end = range.to;
    lane->emptied = range.from > 0;
    lane->window = mem_calloc(topics->window, sizeof(*lane->window));
    return true;
}

bool topic_check_new(struct verifier *v, struct topic_check **ret, struct error *err)
{
    SCOPED(topic_check_free) struct topic_check *topics = mem_zalloc(sizeof(*topics));
    size_t lanes = 0;

    topics->v = v;
    for (size_t i = 0; i < v->cursor.topics_count; i++)
        lanes += (size_t)v->cursor.topics[i].partitions;
    topics->window = WINDOWS_TOTAL / (lanes + 1);
    if (topics->window > WINDOW_MAX)
        topics->window = WINDOW_MAX;
    if (topics->window < WINDOW_MIN)
        topics->window = WINDOW_MIN;
    topics->lanes = mem_calloc(lanes + 1, sizeof(*topics->lanes));
    topics->ranges = mem_calloc(lanes + 1, sizeof(*topics->ranges));
    if (!kafka_reader_new(v->config->kafka, KAFKA_READ_COMMITTED, &topics->reader, err))
        return false;
    for (size_t i = 0; i < v->cursor.topics_count; i++) {
        const struct cursor_topic *topic = &v->cursor.topics[i];

        for (int32_t k = 0; k < topic->partitions; k++)
            if (!lane_open(topics, &topics->lanes[topics->lanes_count++], topic, k, err))
                return false;
    }
    *ret = TAKE(topics);
    return true;
}

void topic_check_free(struct topic_check *topics)
{
    if (!topics)
        return;
    for (size_t i = 0; i < topics->lanes_count; i++)
        mem_free(topics->lanes[i].window);
    kafka_reader_free(topics->reader);
    mem_free(topics->lanes);
    mem_free(topics->ranges);
    mem_free(topics);
}
