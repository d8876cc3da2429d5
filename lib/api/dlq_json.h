/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters as the JSON operators see.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_API_DLQ_JSON_H
#define DAYBOOK_API_DLQ_JSON_H

struct audit_entry;
struct buf;
struct letter;
struct letter_batch;
struct letter_group;
struct letter_requested;
struct letter_shown;

void dlq_write_letter(const struct letter *letter, struct buf *out);
void dlq_write_shown(const struct letter_shown *shown, struct buf *out);
void dlq_write_group(const struct letter_group *group, struct buf *out);
void dlq_write_requested(const struct letter_requested *requested, struct buf *out);
void dlq_write_batch(const struct letter_batch *batch, struct buf *out);
void audit_write_entry(const struct audit_entry *entry, struct buf *out);

#endif
