/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether log, topics and read models agree: everything is read again and compared by position,
 * version and content. It changes nothing, runs beside a working installation, and holds no
 * transaction longer than one slice.
 *
 * The log is read once for itself and the topics together, the topics once; each read model by
 * stream once through the streams' index; each roll-up once more for every keys_max keys.
 *
 * Threads: verify_run() runs on the caller's and calls back there; it may take hours.
 */
#ifndef DAYBOOK_VERIFY_VERIFY_H
#define DAYBOOK_VERIFY_VERIFY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/units.h"
#include "kafka/config.h"
#include "postgres/pg.h"
#include "projection/fold.h"
#include "verify/finding.h"

/* How far it is. */
struct verify_progress {
    const char *doing; /* "log and topics", the name of a projection */
    int64_t done;
    int64_t total; /* as known now */
};

struct verify_report {
    uint64_t counts[FINDING_KINDS];
    struct position head; /* what was in the log at the start is verified */
    uint64_t events;      /* read from the log, each time counted */
    uint64_t records;     /* read from Kafka */
    uint64_t rows;        /* of read models, compared */
    uint64_t streams;
};

/* What it points to must live until verify_run() returns. */
struct verify_config {
    struct pg_config postgres;
    const struct kafka_config *kafka;
    const struct projection *const *projections; /* ends with NULL */
    unsigned parts;                              /* enum verify_part, or-ed */
    size_t keys_max;                             /* of roll-ups, in memory at a time */
    int64_t kafka_timeout_ms;                    /* of one read */
    /* Each finding, as it is made; its strings live during the call. */
    void (*found)(void *arg, const struct finding *finding);
    /* About once a slice. False: stop; verify_run() fails with code "cancelled". May be NULL. */
    bool (*go_on)(void *arg, const struct verify_progress *progress);
    void *arg;
};

/* False: it could not look at everything (TRANSIENT: a service is away); RET_REPORT counts what was
 * seen until then. Findings are no failure. */
MUST_CHECK bool verify_run(const struct verify_config *config, struct verify_report *ret_report,
                           struct error *err);

/* Findings that mean drift. */
uint64_t verify_drift(const struct verify_report *report);

/* "lost 0, doubled 0, ..." */
void verify_write_counts(const struct verify_report *report, struct buf *out);

#endif
