/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order domain: orders and the stock they reserve. What a program plugs in.
 *
 * Threads: any; tables.
 */
#ifndef DAYBOOK_ORDERS_ORDERS_H
#define DAYBOOK_ORDERS_ORDERS_H
#include "api/route.h"
#include "eventlog/decider.h"
#include "projection/fold.h"

extern const struct domain orders_domain;
extern const struct projection *const orders_projections[]; /* ends with NULL */
extern const struct route_table orders_routes;

#endif
