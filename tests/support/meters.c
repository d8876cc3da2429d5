/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/meters.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/support/writes.h"

#include <inttypes.h>

/* What has changed. */

static bool text_to_number(json_t *data, struct error *err)
{
    json_t *text = json_object_get(data, "value");
    int64_t value;

    if (!json_is_string(text) ||
        !str_to_i64(str_from(json_string_value(text), json_string_length(text)), &value))
        return error_set(err, ERROR_POISON, "malformed-event", "the value is no number");
    json_object_set_new(data, "value", json_integer(value));
    return true;
}

static bool add_unit(json_t *data, struct error *err)
{
    (void)err;
    json_object_set_new(data, "unit", json_string("kWh"));
    return true;
}

const struct upcaster meters_upcasters[] = {
    {"meter", "MeterRead", 1, text_to_number},
    {"meter", "MeterRead", 2, add_unit},
    {0},
};

/* The event as it is today. */

struct reading {
    int64_t value;
    struct str unit;
};

static bool read_reading(struct str type, struct str data, struct arena *arena,
                         struct reading *reading, struct error *err)
{
    struct str value;
    struct str unit;

    if (!str_equal(type, STR("MeterRead")))
        return error_set(err, ERROR_POISON, "unknown-event-type", "unknown type '" STR_FMT "'",
                         STR_ARG(type));
    if (!json_member(data, "value", &value) || !str_to_i64(value, &reading->value) ||
        !json_member(data, "unit", &unit) || unit.len < 2)
        return error_set(err, ERROR_POISON, "malformed-event", "malformed reading '" STR_FMT "'",
                         STR_ARG(data));
    reading->unit = arena_dup(arena, str_from(unit.data + 1, unit.len - 2));
    return true;
}

static bool event_parse(struct str type, struct str data, int64_t occurred_at_us,
                        struct arena *arena, struct domain_event *ret_event, struct error *err)
{
    struct reading *reading = ARENA_NEW(arena, struct reading);

    if (!read_reading(type, data, arena, reading, err))
        return false;
    *ret_event = (struct domain_event){"MeterRead", reading, occurred_at_us};
    return true;
}

static void event_write(const struct domain_event *event, struct buf *out)
{
    const struct reading *reading = event->payload;

    buf_printf(out, "{\"value\":%" PRId64 ",\"unit\":\"" STR_FMT "\"}", reading->value,
               STR_ARG(reading->unit));
}

/* Deciding. */

static void *state_new(void)
{
    return mem_zalloc(sizeof(int64_t));
}

static void *state_clone(const void *state)
{
    return mem_dup(state, sizeof(int64_t));
}

static size_t state_bytes(const void *state)
{
    (void)state;
    return sizeof(int64_t);
}

static bool evolve(void *state, const struct domain_event *event, struct error *err)
{
    const struct reading *reading = event->payload;

    (void)err;
    *(int64_t *)state = reading->value;
    return true;
}

static void decide_read(struct decision *d)
{
    const int64_t *last = decision_state(d, DECISION_MAIN);
    struct reading *reading = ARENA_NEW(decision_arena(d), struct reading);

    *reading = (struct reading){*(const int64_t *)decision_payload(d), STR("kWh")};
    if (last != NULL && reading->value < *last)
        decision_refuse(d, "meter-runs-back", "the last value is %" PRId64, *last);
    else
        decision_emit(d, DECISION_MAIN, "MeterRead", reading);
}

static const struct aggregate_type meter_aggregate = {
    .category = "meter",
    .state_new = state_new,
    .state_clone = state_clone,
    .state_free = mem_free,
    .state_bytes = state_bytes,
    .upcasters = meters_upcasters,
    .event_parse = event_parse,
    .event_write = event_write,
    .evolve = evolve,
};

static const struct command_type meter_read = {
    .name = "meter.read", .category = "meter", .decide = decide_read};

const struct domain meters_domain = {
    .name = "meters",
    .aggregates = (const struct aggregate_type *const[]){&meter_aggregate, NULL},
    .commands = (const struct command_type *const[]){&meter_read, NULL},
};

struct write *write_meter(const char *id, int64_t value)
{
    struct write *write = write_command(&meter_read, id, 0);
    int64_t *payload = ARENA_NEW(write->arena, int64_t);

    *payload = value;
    write->payload = payload;
    return write;
}

/* Projecting. */

static bool fold(struct row *row, const struct event *event, struct arena *arena, struct error *err)
{
    struct reading reading;

    if (!read_reading(event->type, event->data, arena, &reading, err))
        return false;
    row->values[0] = (struct value){.i64 = reading.value};
    row->values[1] = (struct value){.str = reading.unit};
    return true;
}

static bool deltas(const struct event *event, struct arena *arena, struct delta **ret_deltas,
                   size_t *ret_count, struct error *err)
{
    struct reading reading;

    if (!read_reading(event->type, event->data, arena, &reading, err))
        return false;
    *ret_deltas = ARENA_NEW(arena, struct delta);
    **ret_deltas = (struct delta){.keys = {reading.unit}, .sums = {1}};
    *ret_count = 1;
    return true;
}

static const char *const categories[] = {"meter", NULL};

const struct projection meters_projection = {
    .name = "meters",
    .kind = PROJECTION_BY_STREAM,
    .categories = categories,
    .upcasters = meters_upcasters,
    .columns = (const struct column[]){{"value", COLUMN_BIGINT}, {"unit", COLUMN_TEXT}},
    .columns_count = 2,
    .indexes = (const char *const[]){NULL},
    .fold = fold,
};

const struct projection units_projection = {
    .name = "units",
    .kind = PROJECTION_ROLL_UP,
    .categories = categories,
    .upcasters = meters_upcasters,
    .columns = (const struct column[]){{"unit", COLUMN_TEXT}, {"reads", COLUMN_SUM}},
    .columns_count = 2,
    .key_columns = 1,
    .indexes = (const char *const[]){NULL},
    .deltas = deltas,
};
