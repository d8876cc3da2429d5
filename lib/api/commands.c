/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of a domain that end in a command. */
#include "api/commands.h"

#include "api/api_internal.h"
#include "api/conditions.h"
#include "base/arena.h"
#include "base/config.h"
#include "base/name.h"
#include "base/uuid.h"

#include <string.h>

enum { COMMANDS_MAX = 128 };

/* The main stream's id from the path. One that is no id names nothing that exists. */
static bool id_from_path(struct call *call, struct str *ret_id)
{
    *ret_id = call_path_parameter(call, "id");
    if (name_is_id(*ret_id))
        return true;
    call_problem(call, "not-found", STR_NONE, "there is nothing of this id");
    return false;
}

bool command_needs_id(const struct command_entry *entry)
{
    return strstr(entry->route->pattern, "{id}") != NULL;
}

struct str command_take_id(struct call *call, json_t *body, const struct command_entry *entry)
{
    const char *member = entry->route->id_member;
    json_t *value = json_object_get(body, member);
    char text[UUID_TEXT_LEN + 1];
    struct str id = STR_NONE;

    if (value == NULL) {
        uuid_format(uuid_v7(), text);
        return arena_dup(call->arena, str_of(text));
    }
    if (json_is_string(value))
        id = arena_dup(call->arena, str_from(json_string_value(value), json_string_length(value)));
    if (id.data == NULL || !name_is_id(id))
        faults_add(call->faults, "must be 1 to 128 of A-Z a-z 0-9 . _ ~ : @ -", "/%s", member);
    json_object_del(body, member);
    return id;
}

/* Puts the path's numbers into the body, where `parse` expects them. False, and 404 answered, when
 * a segment is no number. */
static bool add_path_members(struct call *call, const struct command_route *route, json_t *body)
{
    for (const char *const *name = route->path_members; name != NULL && *name != NULL; name++) {
        uint64_t number;

        if (!str_to_u64(call_path_parameter(call, *name), INT32_MAX, &number)) {
            call_problem(call, "not-found", STR_NONE, "there is no %s of this number", *name);
            return false;
        }
        if (json_object_get(body, *name) != NULL)
            faults_add(call->faults, "stands in the path", "/%s", *name);
        json_object_set_new(body, *name, json_integer((json_int_t)number));
    }
    return true;
}

static void serve_parsed(struct call *call, const struct command_entry *entry, json_t *body,
                         bool dry_run)
{
    const struct command_route *route = entry->route;
    struct expectation expected;
    struct str id;
    void *payload = NULL;

    if (!json_is_object(body)) {
        faults_add(call->faults, "must be an object", "%s", "");
        call_faults(call);
        return;
    }
    if (!command_needs_id(entry))
        id = command_take_id(call, body, entry);
    else if (!id_from_path(call, &id))
        return;
    if (!add_path_members(call, route, body) || !conditions_expectation(call, &expected))
        return;
    int64_t occurred_at_us = call_take_occurred_at(call, body, "");
    route->command->parse(body, call->arena, call->faults, &payload);
    if (faults_count(call->faults) > 0) {
        call_faults(call);
        return;
    }
    struct write *write = writes_new(call, WRITE_COMMAND, &entry->shape, dry_run);
    if (write == NULL)
        return;
    write->command = route->command;
    write->payload = payload;
    write->id = id;
    write->expected = expected;
    write->occurred_at_us = occurred_at_us;
    writes_submit(call, write);
}

static void serve_command(struct call *call)
{
    const struct command_entry *entry = call->route->spec;
    SCOPED(json_decref) json_t *body = NULL;
    bool dry_run = writes_take_dry_run(call);

    if (call_accepts(call, "application/json") && call_query_done(call) &&
        call_body(call, entry->route->body_optional, &body))
        serve_parsed(call, entry, body, dry_run);
}

static enum http_method method_of(const char *name)
{
    for (enum http_method method = HTTP_GET; method < HTTP_OTHER_KNOWN; method++)
        if (strcmp(http_method_name(method), name) == 0)
            return method;
    return HTTP_OTHER_KNOWN;
}

const struct command_entry *command_find(const struct api *api, struct str name,
                                         const char **ret_nearest)
{
    const char *names[COMMANDS_MAX];
    size_t count = 0;

    for (const struct command_entry *entry = api->commands; entry != NULL; entry = entry->next) {
        if (str_equal(name, str_of(entry->route->command->name)))
            return entry;
        if (count < COMMANDS_MAX)
            names[count++] = entry->route->command->name;
    }
    *ret_nearest = nearest_word(name, names, count);
    return NULL;
}

void command_routes_add(struct api *api, const struct command_route *routes)
{
    for (const struct command_route *route = routes; route->pattern != NULL; route++) {
        struct command_entry *entry = arena_zalloc(api->arena, sizeof *entry);

        *entry = (struct command_entry){.route = route,
                                        .shape = {.status = route->status,
                                                  .id_name = route->id_name,
                                                  .location = route->location,
                                                  .body = writes_command_body},
                                        .next = api->commands};
        api->commands = entry;
        router_add(api->router, &(struct route){.method = method_of(route->method),
                                                .pattern = route->pattern,
                                                .serve = serve_command,
                                                .spec = entry,
                                                .takes_conditions = true});
    }
}
