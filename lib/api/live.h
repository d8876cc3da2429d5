/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live reads of the log and of streams: text/event-stream. docs/live.md has the states and what
 * happens when something breaks.
 *
 * Threads: as api.h and route functions.
 */
#ifndef DAYBOOK_API_LIVE_H
#define DAYBOOK_API_LIVE_H
#include "base/error.h"
#include "base/str.h"

struct api;
struct call;
struct log_filter;

#define LIVE_TYPE "text/event-stream"

MUST_CHECK bool live_start(struct api *api, struct error *err);

/* The log, from ?after= or Last-Event-ID on; FILTER from the query, faults noted. */
void live_serve_log(struct call *call, const struct log_filter *filter);

/* A stream, from ?from= or Last-Event-ID on; TYPE data NULL: all. */
void live_serve_stream(struct call *call, struct str stream, struct str type);

#endif
