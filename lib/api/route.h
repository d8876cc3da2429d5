/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a domain brings to the HTTP API: tables of routes, and pure functions that turn rows into
 * JSON. The engine does everything else: parsing, headers, conditions, idempotency, paging, reading
 * on its query threads, problem+json.
 *
 * Patterns are segments; {id} is the id of the main stream, any other {name} a parameter that
 * parse_path sees by name.
 *
 * Threads: the functions run on any thread, on data of the caller's.
 */
#ifndef DAYBOOK_API_ROUTE_H
#define DAYBOOK_API_ROUTE_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"
#include "eventlog/decider.h"
#include "projection/fold.h"

struct arena;
struct buf;
struct faults;

/* POST, PATCH or DELETE that ends in a command. */
struct command_route {
    const char *method;
    const char *pattern; /* "/v1/orders/{id}/lines/{line}" */
    const struct command_type *command;
    int status;         /* of a success: 201 or 200 */
    bool body_optional; /* no body is an empty object */
    /* The main stream's id when the pattern has no {id}: this member of the body, else a new
     * UUIDv7. */
    const char *id_member;
    /* Puts path parameters into the body's object before `parse` sees it ({line} -> "line": 2); the
     * member may not be in the body as well. Ends with NULL. Values must be whole numbers. */
    const char *const *path_members;
    const char *id_name;  /* the answer's first member: "order_id" */
    const char *location; /* pattern of the Location header on 201: "/v1/orders/{id}" */
};

/* GET of one aggregate by id: never stale (row and stream version in one statement, completed from
 * the log). */
struct view_route {
    const char *pattern; /* "/v1/orders/{id}" */
    const char *category;
    const struct projection *projection;
    /* One JSON object. ROW exists. */
    void (*render)(const struct row *row, struct buf *out);
};

/* GET of what happened to one aggregate, for people: a page of its events, each with a sentence. */
struct history_route {
    const char *pattern; /* "/v1/orders/{id}/history" */
    const char *category;
    const char *id_name; /* the answer's first member: "order_id" */
    /* Writes one sentence, without a full stop, about an event in the newest version of its type.
     * Must not fail, whatever the event is. */
    void (*tell)(const struct event *event, struct arena *arena, struct buf *out);
};

enum list_match { LIST_EQUAL, LIST_AT_LEAST, LIST_BELOW };

struct list_filter {
    const char *parameter; /* of the query, or of the path: "customer_id" */
    const char *column;
    enum list_match match;
    const char *const *choices; /* allowed values, ends with NULL; NULL: any id or, by the column's
                                   type, number or time */
    bool from_path;
};

struct list_sort {
    const char *parameter; /* "placed_at", "-placed_at" */
    const char *column;    /* NULL values come last */
    bool descending;
};

/* GET of many rows of a by-stream projection: filters, keyset cursor, {items, next_cursor}. */
struct list_route {
    const char *pattern;
    const struct projection *projection;
    const struct list_filter *filters; /* ends with .parameter NULL */
    const struct list_sort
        *sorts; /* the first is the default; ends with .parameter NULL; NULL: by stream */
    void (*render)(const struct row *row, struct buf *out);
};

/* A few rows of any projection, for summaries. */
struct selection_match {
    const char *column;
    enum selection_op { SELECT_EQUAL, SELECT_NOT_EQUAL, SELECT_NOT_NULL } op;
    struct value value;
};
struct selection {
    const struct projection *projection;
    struct selection_match matches[4];
    size_t matches_count;
    const char *order_by; /* a column; NULL: the key */
    bool descending;
    size_t limit; /* at most 500 */
};
struct selected {
    struct row *rows; /* ROLL_UP: values hold keys, then sums (as str) */
    size_t count;
};
/* The engine's hand: reads on the query thread's connection, each on a snapshot of its own. */
struct selector {
    MUST_CHECK bool (*select)(struct selector *selector, const struct selection *selection,
                              struct selected *ret, struct error *err);
};

enum summary_result { SUMMARY_FOUND, SUMMARY_NOT_FOUND, SUMMARY_FAILED };

struct summary_route {
    const char *pattern;                  /* "/v1/customers/{id}/summary" */
    const struct projection *projection;  /* whose read position the answer tells */
    const struct projection *const *also; /* others it selects from; ends with NULL; NULL: none */
    enum summary_result (*summarize)(struct selector *selector, struct str id, struct arena *arena,
                                     struct buf *out, struct error *err);
};

struct route_table {
    const struct domain *domain;
    const struct command_route *commands; /* each table ends with .pattern NULL */
    const struct view_route *views;
    const struct history_route *histories;
    const struct list_route *lists;
    const struct summary_route *summaries;
};

#endif
