/* SPDX-License-Identifier: Apache-2.0 */
/* A record of Kafka, a line each: key, value, then the headers in this order. */
#include <assert.h>
#include <string.h>

#include "base/name.h"
#include "kafka/partition.h"
#include "projection/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
    "ce_specversion",    "ce_source",           "ce_id",
    "ce_type",           "ce_subject",          "ce_tenantid",
    "ce_time",           "ce_recordedtime",     "ce_streamversion",
    "ce_globalposition", "ce_previousposition", "ce_correlationid",
    "ce_causationid",    "traceparent",
};
enum { NAMES = sizeof(names) / sizeof(*names), PARTITIONS = 6 };

static bool find(const void *from, const char *name, struct str *ret_value)
{
    const struct str *values = from;

    for (size_t i = 0; i < NAMES; i++)
        if (strcmp(names[i], name) == 0) {
            *ret_value = values[i];
            return values[i].data != NULL;
        }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_from((const char *)data, size);
    struct str values[NAMES] = {0};
    struct record_view view = {.header = find, .from = values};
    struct record_frame frame = {
        .source = STR("/daybook/log"), .category = STR("order"), .partitions_count = PARTITIONS};
    struct event event;
    struct position previous;
    char fault[RECORD_FAULT_MAX] = "";

    view.key = str_split(rest, '\n', &rest);
    view.value = str_split(rest, '\n', &rest);
    for (size_t i = 0; i < NAMES && rest.len > 0; i++)
        values[i] = str_split(rest, '\n', &rest);
    frame.partition = kafka_partition_of(view.key, PARTITIONS);
    if (!record_read(&view, &frame, &event, &previous, fault)) {
        assert(fault[0] != '\0');
        return 0;
    }
    assert(name_is_stream(event.stream) && name_is_tenant(event.tenant));
    assert(event.position.n > previous.n && event.version.n >= 1);
    return 0;
}
