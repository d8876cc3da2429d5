/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tiny domain whose one event has changed twice:
 *
 *   MeterRead     {"value": "12"}               a text
 *   MeterRead.v2  {"value": 12}                 a number of kWh
 *   MeterRead.v3  {"value": 12, "unit": "kWh"}  what meter.read writes, and all that anybody knows
 *
 *   meter.read {value}   refused (meter-runs-back) below the last value
 *
 * And two projections of it: `meters` by stream {value, unit}, `units` as a roll-up {unit | reads}.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_TESTS_SUPPORT_METERS_H
#define DAYBOOK_TESTS_SUPPORT_METERS_H
#include "eventlog/decider.h"
#include "projection/fold.h"

struct write;

extern const struct domain meters_domain;
extern const struct upcaster meters_upcasters[];
extern const struct projection meters_projection;
extern const struct projection units_projection;

struct write *write_meter(const char *id, int64_t value); /* meter.read; as of writes.h */

#endif
