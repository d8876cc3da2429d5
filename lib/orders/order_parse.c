/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of the order commands, against their schema. */
#include "orders/order_commands.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/name.h"
#include "orders/currency.h"

#include <stdio.h>

static void parse_id(struct fields *fields, const char *key, struct str *ret)
{

    if (fields_str(fields, key, FIELD_REQUIRED, NAME_ID_MAX, ret) && !name_is_id(*ret))
        faults_add(fields->faults, "must be 1 to 128 of A-Z a-z 0-9 . _ ~ : @ -", "%s/%s",
                   fields->prefix, key);
}

static void parse_optional_text(struct fields *fields, const char *key, struct str *ret)
{
    fields_str(fields, key, FIELD_OPTIONAL, ORDER_TEXT_MAX, ret);
}

/* Adds a line to the sums; a fault when the total is more than a JSON number holds exactly. */
static void add_to_total(const struct order_line *line, struct order_place *place,
                         struct faults *faults, const char *pointer)
{
    int64_t amount;

    if (__builtin_mul_overflow(line->quantity, line->unit_price_minor, &amount) ||
        amount > ORDER_MINOR_MAX - place->total_minor) {
        faults_add(faults, "the order's total is more than 9007199254740991", "%s", pointer);
        return;
    }
    place->total_minor += amount;
    place->items += line->quantity;
}

static void parse_item(json_t *value, size_t index, struct order_place *place, struct arena *arena,
                       struct faults *faults)
{
    struct order_line *line = &place->lines[index];
    struct fields fields;
    struct str prefix = arena_printf(arena, "/items/%zu", index);
    size_t faults_before = faults_count(faults);

    if (!fields_open(&fields, value, prefix.data, arena, faults))
        return;
    line->line = (int64_t)index + 1;
    parse_id(&fields, "sku", &line->sku);
    fields_i64(&fields, "quantity", FIELD_REQUIRED, 1, ORDER_QUANTITY_MAX, &line->quantity);
    fields_i64(&fields, "unit_price_minor", FIELD_REQUIRED, 0, ORDER_MINOR_MAX,
               &line->unit_price_minor);
    fields_done(&fields);
    if (faults_count(faults) == faults_before)
        add_to_total(line, place, faults, prefix.data);
}

static void parse_items(struct fields *fields, struct order_place *place)
{
    json_t *items;
    size_t items_min = place->place ? 1 : 0;

    if (!fields_array(fields, "items", FIELD_REQUIRED, items_min, ORDER_LINES_MAX, &items))
        return;
    place->lines_count = json_array_size(items);
    place->lines = ARENA_ARRAY(fields->arena, struct order_line, place->lines_count);
    for (size_t i = 0; i < place->lines_count; i++)
        parse_item(json_array_get(items, i), i, place, fields->arena, fields->faults);
}

bool order_place_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret)
{
    struct order_place *place = ARENA_NEW(arena, struct order_place);
    struct fields fields;

    if (!fields_open(&fields, data, "", arena, faults))
        return false;
    place->place = true;
    fields_bool(&fields, "place", FIELD_OPTIONAL, &place->place);
    parse_id(&fields, "customer_id", &place->customer_id);
    if (fields_str(&fields, "currency", FIELD_REQUIRED, 3, &place->currency) &&
        !currency_is_known(place->currency))
        faults_add(faults, "must be an ISO 4217 code such as EUR", "/currency");
    parse_items(&fields, place);
    fields_done(&fields);
    *ret = place;
    return faults_count(faults) == 0;
}

bool order_add_line_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret)
{
    struct order_line_command *command = ARENA_NEW(arena, struct order_line_command);
    struct fields fields;

    if (!fields_open(&fields, data, "", arena, faults))
        return false;
    parse_id(&fields, "sku", &command->sku);
    fields_i64(&fields, "quantity", FIELD_REQUIRED, 1, ORDER_QUANTITY_MAX, &command->quantity);
    fields_i64(&fields, "unit_price_minor", FIELD_REQUIRED, 0, ORDER_MINOR_MAX,
               &command->unit_price_minor);
    fields_done(&fields);
    *ret = command;
    return faults_count(faults) == 0;
}

bool order_change_line_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret)
{
    struct order_line_command *command = ARENA_NEW(arena, struct order_line_command);
    struct fields fields;

    if (!fields_open(&fields, data, "", arena, faults))
        return false;
    fields_i64(&fields, "line", FIELD_REQUIRED, 1, INT32_MAX, &command->line);
    fields_i64(&fields, "quantity", FIELD_REQUIRED, 1, ORDER_QUANTITY_MAX, &command->quantity);
    fields_done(&fields);
    *ret = command;
    return faults_count(faults) == 0;
}

bool order_remove_line_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret)
{
    struct order_line_command *command = ARENA_NEW(arena, struct order_line_command);
    struct fields fields;

    if (!fields_open(&fields, data, "", arena, faults))
        return false;
    fields_i64(&fields, "line", FIELD_REQUIRED, 1, INT32_MAX, &command->line);
    fields_done(&fields);
    *ret = command;
    return faults_count(faults) == 0;
}

bool order_pay_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret)
{
    struct order_pay *pay = ARENA_NEW(arena, struct order_pay);
    struct fields fields;

    if (!fields_open(&fields, data, "", arena, faults))
        return false;
    fields_i64(&fields, "amount_minor", FIELD_REQUIRED, 0, ORDER_MINOR_MAX, &pay->amount_minor);
    parse_optional_text(&fields, "reference", &pay->reference);
    fields_done(&fields);
    *ret = pay;
    return faults_count(faults) == 0;
}

static bool is_repeated(const struct order_line *lines, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (lines[i].line == lines[index].line)
            return true;
    return false;
}

static void parse_shipped_lines(struct fields *fields, struct order_ship *ship)
{
    json_t *lines;

    if (!fields_array(fields, "lines", FIELD_OPTIONAL, 1, ORDER_LINES_MAX, &lines))
        return;
    ship->lines_count = json_array_size(lines);
    ship->lines = ARENA_ARRAY(fields->arena, struct order_line, ship->lines_count);
    for (size_t i = 0; i < ship->lines_count; i++) {
        struct order_line *line = &ship->lines[i];
        struct str prefix = arena_printf(fields->arena, "/lines/%zu", i);
        struct fields item;

        if (!fields_open(&item, json_array_get(lines, i), prefix.data, fields->arena,
                         fields->faults))
            continue;
        if (fields_i64(&item, "line", FIELD_REQUIRED, 1, INT32_MAX, &line->line) &&
            is_repeated(ship->lines, i))
            faults_add(fields->faults, "a line may be named once", "/lines/%zu/line", i);
        fields_i64(&item, "quantity", FIELD_REQUIRED, 1, ORDER_QUANTITY_MAX, &line->quantity);
        fields_done(&item);
    }
}

bool order_ship_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret)
{
    struct order_ship *ship = ARENA_NEW(arena, struct order_ship);
    struct fields fields;

    if (!fields_open(&fields, data, "", arena, faults))
        return false;
    parse_optional_text(&fields, "carrier", &ship->carrier);
    parse_optional_text(&fields, "tracking", &ship->tracking);
    parse_shipped_lines(&fields, ship);
    fields_done(&fields);
    *ret = ship;
    return faults_count(faults) == 0;
}

bool order_reason_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret)
{
    struct order_reason *reason = ARENA_NEW(arena, struct order_reason);
    struct fields fields;

    if (!fields_open(&fields, data, "", arena, faults))
        return false;
    parse_optional_text(&fields, "reason", &reason->reason);
    fields_done(&fields);
    *ret = reason;
    return faults_count(faults) == 0;
}

bool order_refund_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret)
{
    struct order_refund *refund = ARENA_NEW(arena, struct order_refund);
    struct fields fields;

    if (!fields_open(&fields, data, "", arena, faults))
        return false;
    fields_i64(&fields, "amount_minor", FIELD_REQUIRED, 0, ORDER_MINOR_MAX, &refund->amount_minor);
    parse_optional_text(&fields, "reason", &refund->reason);
    fields_done(&fields);
    *ret = refund;
    return faults_count(faults) == 0;
}

bool order_empty_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret)
{
    struct fields fields;

    if (!fields_open(&fields, data, "", arena, faults))
        return false;
    fields_done(&fields);
    *ret = NULL;
    return faults_count(faults) == 0;
}
