/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/commands: up to 500 commands in one transaction. */
#include "api/api_internal.h"
#include "api/bulk_answer.h"
#include "api/commands.h"
#include "api/conditions.h"
#include "api/events_json.h"
#include "base/arena.h"
#include "base/name.h"

#include <assert.h>
#include <string.h>

enum { BULK_COMMANDS_MAX = 500, COMMAND_NAME_MAX = 64, KEY_TEXT_MAX = 1024 };

static const struct write_shape bulk_shape = {.status = 200, .conditions_in_body = true};

/* One command. */

static const struct command_entry *read_name(struct call *call, struct fields *fields)
{
    const struct command_entry *entry;
    const char *nearest;
    struct str name;

    if (!fields_str(fields, "command", FIELD_REQUIRED, COMMAND_NAME_MAX, &name))
        return NULL;
    entry = command_find(call->api, name, &nearest);
    if (entry == NULL)
        faults_add(
            call->faults,
            nearest != NULL
                ? arena_printf(call->arena, "is no command: did you mean '%s'?", nearest).data
                : "is no command",
            "%s/command", fields->prefix);
    return entry;
}

static bool read_id(struct call *call, struct fields *fields, enum field_need need, struct str *ret)
{
    if (!fields_str(fields, "id", need, NAME_ID_MAX, ret))
        return false;
    if (!name_is_id(*ret))
        faults_add(call->faults, "must be 1 to 128 of A-Z a-z 0-9 . _ ~ : @ -", "%s/id",
                   fields->prefix);
    return true;
}

/* A version from 1 on, an ETag, or "*". */
static void read_if_match(struct call *call, struct fields *fields, struct expectation *ret)
{
    json_t *value;
    struct str text;

    *ret = (struct expectation){.kind = EXPECT_ANY};
    if (!fields_any(fields, "if_match", FIELD_OPTIONAL, &value))
        return;
    text = json_is_string(value) ? str_from(json_string_value(value), json_string_length(value))
                                 : STR_NONE;
    if (json_is_integer(value) && json_integer_value(value) > 0)
        *ret = (struct expectation){EXPECT_EXACT, VERSION(json_integer_value(value))};
    else if (str_equal(text, STR("*")))
        ret->kind = EXPECT_EXISTS;
    else if (conditions_parse_etag(text, &ret->version))
        ret->kind = EXPECT_EXACT;
    else
        faults_add(call->faults,
                   "must be a version from 1 on, an ETag such as \"\\\"7\\\"\", or \"*\"",
                   "%s/if_match", fields->prefix);
}

static bool key_stands_before(const struct write *group, size_t index, struct str key)
{
    if (str_equal(group->idempotency_key, key))
        return true;
    for (size_t i = 0; i < index; i++)
        if (str_equal(group->parts[i].idempotency_key, key))
            return true;
    return false;
}

/* The command's own bytes are the request that its key stands for. */
static void read_key(struct call *call, struct fields *fields, struct str raw, struct write *group,
                     size_t index)
{
    const struct str parts[] = {STR("/v1/commands"), raw};
    struct str key;

    if (!fields_str(fields, "idempotency_key", FIELD_OPTIONAL, KEY_TEXT_MAX, &key))
        return;
    if (!conditions_is_key(key))
        faults_add(call->faults, "must be 1 to 255 printable characters, without quotes",
                   "%s/idempotency_key", fields->prefix);
    else if (key_stands_before(group, index, key))
        faults_add(call->faults, "a key may stand once in a request", "%s/idempotency_key",
                   fields->prefix);
    else if (!group->dry_run) {
        group->parts[index].idempotency_key = key;
        group->parts[index].request_hash = conditions_hash(call->arena, parts, 2);
    }
}

/* The id of a command that makes its stream may stand beside the data or in it. */
static void take_id_of_data(struct call *call, const struct command_entry *entry, json_t *data,
                            struct write *part)
{
    const char *member = entry->route->id_member;

    if (command_needs_id(entry))
        return;
    if (part->id.data == NULL) {
        part->id = command_take_id(call, data, entry);
        return;
    }
    if (json_object_get(data, member) != NULL)
        faults_add(call->faults, "stands beside the data already, as id", "/%s", member);
    json_object_del(data, member);
}

static void read_data(struct call *call, struct fields *fields, const struct command_entry *entry,
                      struct write *part)
{
    SCOPED(json_decref) json_t *none = json_object();
    json_t *data = none;

    if (!fields_any(fields, "data", FIELD_OPTIONAL, &data) || entry == NULL)
        data = none;
    if (entry == NULL)
        return;
    faults_under(call->faults, arena_printf(call->arena, "%s/data", fields->prefix).data);
    if (json_is_object(data)) {
        take_id_of_data(call, entry, data, part);
        part->occurred_at_us = call_take_occurred_at(call, data, "");
    }
    part->command = entry->route->command;
    part->command->parse(data, call->arena, call->faults, &part->payload);
    faults_under(call->faults, "");
}

static void read_command(struct call *call, json_t *parsed, struct str raw, struct write *group,
                         size_t index)
{
    struct write *part = &group->parts[index];
    struct str prefix = arena_printf(call->arena, "/commands/%zu", index);
    const struct command_entry *entry;
    struct fields fields;

    if (!fields_open(&fields, parsed, prefix.data, call->arena, call->faults))
        return;
    entry = read_name(call, &fields);
    if (entry != NULL)
        writes_init_part(part, group, &entry->shape);
    read_id(call, &fields,
            entry != NULL && command_needs_id(entry) ? FIELD_REQUIRED : FIELD_OPTIONAL, &part->id);
    read_if_match(call, &fields, &part->expected);
    read_key(call, &fields, raw, group, index);
    read_data(call, &fields, entry, part);
    fields_done(&fields);
}

/* The request. */

static void read_commands(struct call *call, json_t *commands, struct write *group)
{
    struct json_cursor cursor;
    struct str key;
    struct str raw;
    bool opened = json_open(events_raw(http_request_body(call->request), "commands"), &cursor);

    assert(opened);
    (void)opened;
    group->parts_count = json_array_size(commands);
    group->parts = ARENA_ARRAY(call->arena, struct write, group->parts_count);
    for (size_t i = 0; i < group->parts_count && json_next(&cursor, &key, &raw); i++)
        read_command(call, json_array_get(commands, i), raw, group, i);
}

static void read_body(struct call *call, json_t *body, struct write *group)
{
    struct fields fields;
    json_t *commands;

    if (!fields_open(&fields, body, "", call->arena, call->faults))
        return;
    fields_bool(&fields, "atomic", FIELD_OPTIONAL, &group->atomic);
    if (fields_array(&fields, "commands", FIELD_REQUIRED, 1, BULK_COMMANDS_MAX, &commands))
        read_commands(call, commands, group);
    fields_done(&fields);
}

static void serve_bulk(struct call *call)
{
    SCOPED(json_decref) json_t *body = NULL;
    bool dry_run = writes_take_dry_run(call);
    struct write *group;

    if (!call_accepts(call, "application/json") || !call_query_done(call) ||
        !call_body(call, false, &body))
        return;
    group = writes_new(call, WRITE_GROUP, &bulk_shape, dry_run);
    if (group == NULL)
        return;
    writes_answer_with(group, bulk_compose, bulk_answer);
    read_body(call, body, group);
    if (faults_count(call->faults) > 0)
        call_faults(call);
    else
        writes_submit(call, group);
}

void bulk_routes(struct api *api)
{
    router_add(
        api->router,
        &(struct route){.method = HTTP_POST,
                        .pattern = "/v1/commands",
                        .serve = serve_bulk,
                        .bulk = true,
                        .instead_of_conditions =
                            "put each command's condition into the body, as its 'if_match'"});
}
