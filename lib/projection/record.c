/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/record.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/name.h"
#include "kafka/partition.h"

enum { SHOWN_BYTES_MAX = 40 }; /* of a foreign value, in a reason */

static bool fault_at(char fault[RECORD_FAULT_MAX], const char *what, struct str value)
{
    struct str shown = {value.data, value.len < SHOWN_BYTES_MAX ? value.len : SHOWN_BYTES_MAX};

    snprintf(fault, RECORD_FAULT_MAX, "%s '" STR_FMT "'", what, STR_ARG(shown));
    return false;
}

static bool must_header(const struct record_view *view, const char *name, struct str *ret,
                        char fault[RECORD_FAULT_MAX])
{
    if (view->header(view->from, name, ret) && ret->data)
        return true;
    snprintf(fault, RECORD_FAULT_MAX, "header %s is missing", name);
    return false;
}

static bool must_number(const struct record_view *view, const char *name, int64_t min, int64_t *ret,
                        char fault[RECORD_FAULT_MAX])
{
    struct str value;

    if (!must_header(view, name, &value, fault))
        return false;
    if (str_to_i64(value, ret) && *ret >= min)
        return true;
    return fault_at(fault, name, value);
}

static bool must_time(const struct record_view *view, const char *name, int64_t *ret,
                      char fault[RECORD_FAULT_MAX])
{
    struct str value;

    if (!must_header(view, name, &value, fault))
        return false;
    return clock_parse_rfc3339(value, ret) || fault_at(fault, name, value);
}

static bool read_names(const struct record_view *view, struct event *event,
                       char fault[RECORD_FAULT_MAX])
{
    if (!must_header(view, "ce_id", &event->id, fault) ||
        !must_header(view, "ce_type", &event->type, fault) ||
        !must_header(view, "ce_subject", &event->stream, fault) ||
        !must_header(view, "ce_tenantid", &event->tenant, fault))
        return false;
    if (!name_is_id(event->id))
        return fault_at(fault, "ce_id", event->id);
    if (!name_is_event_type(event->type))
        return fault_at(fault, "ce_type", event->type);
    if (!name_is_stream(event->stream))
        return fault_at(fault, "ce_subject", event->stream);
    if (!name_is_tenant(event->tenant))
        return fault_at(fault, "ce_tenantid", event->tenant);
    return true;
}

static bool read_numbers(const struct record_view *view, struct event *event,
                         struct position *ret_previous, char fault[RECORD_FAULT_MAX])
{
    if (!must_number(view, "ce_globalposition", 1, &event->position.n, fault) ||
        !must_number(view, "ce_previousposition", 0, &ret_previous->n, fault) ||
        !must_number(view, "ce_streamversion", 1, &event->version.n, fault) ||
        !must_time(view, "ce_time", &event->occurred_at_us, fault) ||
        !must_time(view, "ce_recordedtime", &event->recorded_at_us, fault))
        return false;
    if (ret_previous->n < event->position.n)
        return true;
    snprintf(fault, RECORD_FAULT_MAX, "ce_previousposition %lld is not below %lld",
             (long long)ret_previous->n, (long long)event->position.n);
    return false;
}

static bool key_is_of(struct str key, const struct event *event)
{
    return key.data && key.len == event->tenant.len + 1 + event->stream.len &&
           str_starts_with(key, event->tenant) && key.data[event->tenant.len] == '/' &&
           str_equal(str_from(key.data + event->tenant.len + 1, event->stream.len), event->stream);
}

static bool check_place(const struct record_view *view, const struct record_frame *frame,
                        const struct event *event, char fault[RECORD_FAULT_MAX])
{
    if (!str_equal(name_category(event->stream), frame->category))
        return fault_at(fault, "not of this topic: ce_subject", event->stream);
    if (!key_is_of(view->key, event))
        return fault_at(fault, "not tenant and subject: key", view->key);
    if (frame->partition >= frame->partitions_count ||
        kafka_partition_of(view->key, frame->partitions_count) != frame->partition)
        return fault_at(fault, "not of this partition: key", view->key);
    return true;
}

bool record_read(const struct record_view *view, const struct record_frame *frame,
                 struct event *ret_event, struct position *ret_previous,
                 char fault[RECORD_FAULT_MAX])
{
    struct str source, spec;
    struct origin *origin = &ret_event->origin;

    *ret_event = (struct event){.data = view->value};
    if (!must_header(view, "ce_specversion", &spec, fault) ||
        !must_header(view, "ce_source", &source, fault))
        return false;
    if (!str_equal(spec, STR("1.0")))
        return fault_at(fault, "ce_specversion", spec);
    if (!str_equal(source, frame->source))
        return fault_at(fault, "another log's: ce_source", source);
    if (!view->value.data) {
        snprintf(fault, RECORD_FAULT_MAX, "value is missing");
        return false;
    }
    if (!read_names(view, ret_event, fault) ||
        !read_numbers(view, ret_event, ret_previous, fault) ||
        !check_place(view, frame, ret_event, fault))
        return false;
    if (!view->header(view->from, "ce_correlationid", &origin->correlation_id))
        origin->correlation_id = STR_NONE;
    if (!view->header(view->from, "ce_causationid", &origin->causation_id))
        origin->causation_id = STR_NONE;
    if (!view->header(view->from, "traceparent", &origin->traceparent))
        origin->traceparent = STR_NONE;
    return true;
}
