/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads of read models: each says how far its model is, and one that came with a Consistency-Token
 * is read only when the model holds that write.
 *
 * A query thread looks first. Where the write is not there yet, the call is put aside (waits.h),
 * which costs no thread, and comes back to a query thread when it seems to be there; that looks
 * again, at the generation it then reads from, so that a swap in between can not show older rows.
 *
 * Threads: model_read_submit on the http thread, model_read_resume on any, the rest on the call's
 * owner.
 */
#ifndef DAYBOOK_API_MODEL_READ_H
#define DAYBOOK_API_MODEL_READ_H
#include "api/call.h"
#include "api/query.h"
#include "api/token.h"
#include "projection/fold.h"
#include "projection/reach.h"

enum { MODEL_READ_PROJECTIONS_MAX = 4, MODEL_WAIT_MAX_MS = 30000 };

struct model_read {                                                   /* in the call's arena */
    const struct projection *projections[MODEL_READ_PROJECTIONS_MAX]; /* the first one's position is
                                                                         told */
    size_t projections_count;
    query_fn fn;

    bool awaits; /* a token came: what follows is set */
    struct consistency_token token;
    int64_t deadline_ms;    /* monotonic */
    bool loaded;            /* `written` is */
    struct written written; /* in the call's arena */

    struct call *next; /* the list of those put aside */
};

/*
 * Submits FN, which answers from PROJECTION and those of ALSO (ends with NULL; may be NULL). The
 * headers that tell the position are set when it runs. Answers 400 to what is no token.
 */
void model_read_submit(struct call *call, const struct projection *projection,
                       const struct projection *const *also, query_fn fn);

/* To a query thread again. */
void model_read_resume(struct call *call);

/* The time is over: 503. */
void model_read_expire(struct call *call);

#endif
