/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verification finds: its words, and as JSON.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_VERIFY_FINDING_H
#define DAYBOOK_VERIFY_FINDING_H
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/units.h"

struct buf;

enum finding_kind {
    FINDING_LOST,      /* it is in the log (or was), and not where it must be */
    FINDING_DOUBLED,   /* it is there more than once */
    FINDING_REORDERED, /* it stands behind a later one */
    FINDING_DRIFTED,   /* it is there, with other content */
    FINDING_FOREIGN,   /* a record that is not this log's: told, but no drift of ours */
    FINDING_PARKED,    /* a key whose events wait for a person or a retry: told, no drift */
};
enum { FINDING_KINDS = FINDING_PARKED + 1 };

/* "lost", "doubled", ... */
const char *finding_kind_name(enum finding_kind kind);
/* False: there is no such kind. */
bool finding_kind_parse(struct str name, enum finding_kind *ret);
/* Whether an installation with such a finding does not agree with itself. */
bool finding_is_drift(enum finding_kind kind);

enum verify_part { VERIFY_LOG = 1, VERIFY_TOPICS = 2, VERIFY_MODELS = 4 };
enum { VERIFY_ALL = VERIFY_LOG | VERIFY_TOPICS | VERIFY_MODELS };

/* "log", "topics", "models" */
const char *verify_part_name(enum verify_part part);
bool verify_part_parse(struct str name, enum verify_part *ret);

struct finding {
    enum finding_kind kind;
    enum verify_part part;
    struct str name;          /* of the topic or projection; empty for the log */
    int32_t partition;        /* of a topic; else -1 */
    struct str tenant;        /* empty where it is not known */
    struct str key;           /* the stream, or a roll-up's keys */
    struct position position; /* 0: not known */
    struct version version;   /* 0: not known */
    struct str text;          /* what is wrong */
};

/* An object; members that say nothing are left out. */
void finding_write_json(const struct finding *finding, struct buf *out);

#endif
