/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as application/problem+json (RFC 9457). One table says for each slug its status, title and
 * whether the same request may succeed later.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_API_PROBLEM_H
#define DAYBOOK_API_PROBLEM_H
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct buf;
struct faults;

struct problem_type {
    const char *slug;
    int status;
    const char *title;
    bool retryable;
};

/* An unknown slug is a bug of ours: the answer is then internal-error's. */
const struct problem_type *problem_type_get(const char *slug);

extern const struct problem_type
    problem_types[]; /* ends with .slug NULL; docs/errors is made of it */

/*
 * Writes the object. INSTANCE: the request's target. FAULTS may be NULL. MEMBERS: further members,
 * without braces, or empty.
 */
void problem_write(struct buf *out, const struct problem_type *type, struct str detail,
                   struct str instance, const struct faults *faults, struct str members);

#endif
