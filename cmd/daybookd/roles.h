/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roles of a process: api, publish, project. What each is made of is in its own file; here is
 * what they have in common, and in which order they start and end.
 *
 * Threads: roles_health() and roles_write_detail() from any; the rest from main.
 */
#ifndef DAYBOOK_CMD_DAYBOOKD_ROLES_H
#define DAYBOOK_CMD_DAYBOOKD_ROLES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/api.h"
#include "base/error.h"

struct arena;
struct buf;
struct config;
struct keeper;
struct log_identity;
struct projection;
struct roles;
struct signal;

/* What the roles of one process share; lives longer than they. */
struct role_context {
    const struct config *config;
    const char *instance;
    struct arena *arena;                         /* main's */
    const struct projection *const *projections; /* this process works on; ends with NULL */
    const struct projection *const *known;       /* all there are, the same */
    struct signal *appended;                     /* the writer committed events */
    struct api *api;                             /* NULL: does not listen */
};

enum role_kind { ROLE_API, ROLE_PUBLISH, ROLE_PROJECT, ROLE_KINDS };

struct role {
    const char *name;
    /* The database is known. *RET_STATE is the role's own. */
    MUST_CHECK bool (*start)(struct role_context *context, const struct log_identity *identity,
                             void **ret_state, struct error *err);
    void (*stop)(void *state);
    /* When HTTP has ended, too: what its threads may touch until then. NULL: stop freed it all. */
    void (*free)(void *state);
    /* State and reason, for /readyz. REASON lives in ARENA or for ever. */
    void (*health)(void *state, struct arena *arena, struct role_health *ret);
    /* Further members of the role's object in the heartbeat, each by json_write_key(). */
    void (*write_detail)(void *state, struct buf *out);
};

extern const struct role api_role;
extern const struct role publish_role;
extern const struct role project_role;

/* "api,publish": at least one, none twice; a bit 1 << role_kind each. */
MUST_CHECK bool roles_parse(const char *text, unsigned *ret_wanted, struct error *err);
const char *roles_text(unsigned wanted, struct arena *arena);

struct roles *roles_new(const struct role_context *context, unsigned wanted);
void roles_free(struct roles *roles); /* after roles_close() */

/* Opens the socket, where one is wanted: from then on the process is live. */
MUST_CHECK bool roles_listen(struct roles *roles, struct error *err);
const char *roles_address(const struct roles *roles); /* "none" */

/* KEEPER is acquainted with the database: starts what works on it, and opens the API. */
MUST_CHECK bool roles_start(struct roles *roles, struct error *err);

/* Whose word on the database counts; it is asked until roles_close(). */
void roles_set_keeper(struct roles *roles, struct keeper *keeper);

/* Answers what is in flight, then ends all that works; false: some answer took longer than
 * DRAIN_MS. */
bool roles_stop(struct roles *roles, int64_t drain_ms);
void roles_close(struct roles *roles); /* and then the socket */

/* A callback: ARG is the roles. */
void roles_health(void *arg, struct arena *arena, struct role_health ret[3], size_t *ret_count);
void roles_write_detail(struct roles *roles, struct buf *out); /* of a heartbeat: a JSON object */

#endif
