/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/record.h"

#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static void add(struct kafka_record *record, struct record_space *space, const char *name,
                struct str value)
{
    assert(record->headers_count < KAFKA_HEADERS_MAX);
    if (value.data != NULL)
        space->headers[record->headers_count++] = (struct kafka_header){name, value};
}

static struct str number(char out[RECORD_NUMBER_MAX], int64_t value)
{
    return str_from(out, (size_t)snprintf(out, RECORD_NUMBER_MAX, "%" PRId64, value));
}

static struct str sequence(char out[RECORD_NUMBER_MAX], int64_t value)
{
    return str_from(out, (size_t)snprintf(out, RECORD_NUMBER_MAX, "%020" PRId64, value));
}

/* What a dead letter's metadata says of the failure: texts without escapes, as the projector writes
 * them. Kafka's own dead letter queues have the same headers. */
static void add_errors(struct kafka_record *record, struct record_space *space, struct str metadata)
{
    static const char *const names[] = {"__dlq.errors.topic",          "__dlq.errors.partition",
                                        "__dlq.errors.offset",         "__dlq.errors.group",
                                        "__dlq.errors.delivery.count", "__dlq.errors.message"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct str raw;

        if (metadata.data == NULL || !json_member(metadata, names[i], &raw) || raw.len < 2)
            continue;
        add(record, space, names[i], str_from(raw.data + 1, raw.len - 2));
    }
}

struct kafka_record record_encode(const struct plan_record *planned, const char *source,
                                  struct record_space *space)
{
    const struct event *event = planned->event;
    struct kafka_record record = {
        .topic = planned->topic->topic,
        .partition = planned->partition,
        .key = plan_key(event, space->key),
        .value = event->data,
        .headers = space->headers,
    };

    add(&record, space, "ce_id", event->id);
    add(&record, space, "ce_source", str_of(source));
    add(&record, space, "ce_specversion", STR("1.0"));
    add(&record, space, "ce_type", event->type);
    add(&record, space, "ce_subject", event->stream);
    add(&record, space, "ce_time",
        str_from(space->occurred, clock_format_rfc3339(event->occurred_at_us, space->occurred)));
    add(&record, space, "ce_recordedtime",
        str_from(space->recorded, clock_format_rfc3339(event->recorded_at_us, space->recorded)));
    /* Sorted as text it is sorted as a number: CloudEvents' sequence extension. */
    add(&record, space, "ce_sequence", sequence(space->sequence, event->position.n));
    add(&record, space, "ce_streamversion", number(space->version, event->version.n));
    add(&record, space, "ce_globalposition", number(space->position, event->position.n));
    add(&record, space, "ce_previousposition", number(space->previous, planned->previous.n));
    add(&record, space, "ce_tenantid", event->tenant);
    add(&record, space, "ce_correlationid", event->origin.correlation_id);
    add(&record, space, "ce_causationid", event->origin.causation_id);
    add(&record, space, "traceparent", event->origin.traceparent);
    add(&record, space, "content-type", STR("application/json"));
    if (str_equal(name_category(event->stream), STR("dlq")))
        add_errors(&record, space, event->metadata);
    return record;
}
