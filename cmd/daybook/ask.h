/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verbs share: numbers from the command line, commands with their conditions, lists page by
 * page.
 *
 * Threads: main.
 */
#ifndef DAYBOOK_CMD_DAYBOOK_ASK_H
#define DAYBOOK_CMD_DAYBOOK_ASK_H
#include <stdbool.h>
#include <stdint.h>

#include "base/program.h"
#include "base/str.h"
#include "cmd/daybook/output.h"

struct buf;

/* False, and told on standard error, when TEXT is no whole number of this range. WHAT: "AMOUNT". */
bool ask_number(const struct invocation *invocation, const char *what, struct str text, int64_t min,
                int64_t max, int64_t *ret);

/* One line about a fault of the command line; gives its exit status. */
int ask_usage(const struct invocation *invocation, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* True: a person said yes to WHAT, now or with --yes. Else it is told why nothing happens. */
bool ask_confirmed(const struct invocation *invocation, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Puts an option into the JSON object that BODY ends in, where it was given. */
void ask_member(const struct invocation *invocation, const char *option, const char *member,
                struct buf *body);

/* The same for a flag and for a number; false, and told, when it is no number of this range. */
void ask_flag(const struct invocation *invocation, const char *option, const char *member,
              struct buf *body);
bool ask_number_member(const struct invocation *invocation, const char *option, const char *member,
                       int64_t min, int64_t max, struct buf *body);

/* Puts an option into the query that PATH ends in, where it was given. */
void ask_parameter(const struct invocation *invocation, const char *option, const char *parameter,
                   struct buf *path);

#define ASK_DRY_RUN_OPTION \
    { \
        .name = "dry-run", .text = "only show the events it would append" \
    }

/* --at-version and --at, for a thing as it was; PATH ends in '?' or '&', and no longer does. */
void ask_moment(const struct invocation *invocation, struct buf *path);

#define ASK_MOMENT_OPTIONS \
    {.name = "at-version", .value = "VERSION", .text = "as it was with this version"}, \
    { \
        .name = "at", .value = "TIME", .text = "as it was then, as 2026-01-31T09:30:00Z" \
    }

/* The options of every command: --if-match, --idempotency-key, --dry-run. */
#define ASK_COMMAND_OPTIONS \
    {.name = "if-match", \
     .value = "VERSION", \
     .text = "only if this is the version; * for any that exists"}, \
        {.name = "idempotency-key", \
         .value = "KEY", \
         .text = "the same key again is answered as the first time"}, \
        ASK_DRY_RUN_OPTION

/* POSTs a command with its conditions. */
int ask_post(struct invocation *invocation, struct str path, struct str body,
             struct str *ret_answer);

/* ask_post(), then prints what it did as one row, or with --dry-run what it would append. */
int ask_command(struct invocation *invocation, struct str path, struct str body,
                const char *const *members);

/* Prints the items of a list, page by page, at most --limit (50) of them. PATH ends in '?' or '&'.
 */
int ask_list(struct invocation *invocation, struct str path, const char *const *members);

/* GETs one object and prints it, by member. */
int ask_object(struct invocation *invocation, struct str path, const char *const *members);

#endif
