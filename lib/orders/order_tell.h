/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An order's events in sentences, for people.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_ORDERS_ORDER_TELL_H
#define DAYBOOK_ORDERS_ORDER_TELL_H

struct arena;
struct buf;
struct event;

/* Never fails: an event that can not be read is told as just that. */
void order_tell(const struct event *event, struct arena *arena, struct buf *out);

#endif
