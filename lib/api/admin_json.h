/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operators are shown, as JSON.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_API_ADMIN_JSON_H
#define DAYBOOK_API_ADMIN_JSON_H

#include <stddef.h>

struct buf;
struct generation_view;
struct job;
struct process_seen;
struct projection_status;
struct publisher_view;

/* One JSON object each. */
void admin_write_process(const struct process_seen *seen, struct buf *out);
void admin_write_publisher(const struct publisher_view *view, struct buf *out);
/* With its generations, VIEWS_COUNT of them; VIEWS NULL: without. */
void admin_write_projection(const struct projection_status *status,
                            const struct generation_view *views, size_t views_count,
                            struct buf *out);
void admin_write_job(const struct job *job, struct buf *out);

#endif
