/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a call to a write and back: submits it, and turns whatever came of it into an answer.
 *
 * Threads: writes_submit on the http thread; the writer hands the write back to it for its answer,
 * which a query thread gives where more has to be read.
 */
#ifndef DAYBOOK_API_WRITES_H
#define DAYBOOK_API_WRITES_H
#include "api/call.h"
#include "eventlog/write.h"

/* What of the answer depends on the route. */
struct write_shape {
    int status;              /* of a success */
    const char *id_name;     /* a command's first member: "order_id" */
    const char *location;    /* pattern with {id}, or NULL */
    bool conditions_in_body; /* a conflict is 409 condition-failed, not 412 */
    /* Writes the body of a success. */
    void (*body)(const struct write *write, const struct write_shape *shape, struct buf *out);
};

/* ?dry_run=true; before call_query_done(). */
bool writes_take_dry_run(struct call *call);

/* A write of this call with everything the headers say; NULL if that was answered 400. A dry run
 * neither looks its Idempotency-Key up nor stores anything under it. */
struct write *writes_new(struct call *call, enum write_kind kind, const struct write_shape *shape,
                         bool dry_run);

/* In place of what else composes the stored answer, and answers on the http thread. */
void writes_answer_with(struct write *write,
                        void (*own_compose)(struct write *, struct stored_answer *),
                        void (*own_answer)(struct write *));

/* A command of GROUP, a write of writes_new(); the caller fills in what it asks. */
void writes_init_part(struct write *part, const struct write *group,
                      const struct write_shape *shape);

/* Of a write of this module. */
struct call *writes_call(const struct write *write);
const struct write_shape *writes_shape(const struct write *write);

/* Gives it to the writer; answers 503 or 409 when that does not take it. */
void writes_submit(struct call *call, struct write *write);

/* {"<id_name>", "stream", "version", "position", "events": [...]} */
void writes_command_body(const struct write *write, const struct write_shape *shape,
                         struct buf *out);

#endif
