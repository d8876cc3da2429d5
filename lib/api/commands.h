/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands as routes of their own and as parts of POST /v1/commands know them.
 *
 * Threads: made in main, read-only afterwards; command_take_id on the http thread.
 */
#ifndef DAYBOOK_API_COMMANDS_H
#define DAYBOOK_API_COMMANDS_H
#include "api/route.h"
#include "api/writes.h"

struct command_entry { /* a route's `spec` */
    const struct command_route *route;
    struct write_shape shape;
    const struct command_entry *next; /* of all there are */
};

/* Whether the command is for a stream that the caller must name. */
bool command_needs_id(const struct command_entry *entry);

/* Takes the main stream's id out of the body, or makes a new one; a fault when it is none. Only of
 * a command that does not need one. */
struct str command_take_id(struct call *call, json_t *body, const struct command_entry *entry);

/* NULL: no such command; *ret_nearest is then the nearest name, or NULL. */
const struct command_entry *command_find(const struct api *api, struct str name,
                                         const char **ret_nearest);

#endif
