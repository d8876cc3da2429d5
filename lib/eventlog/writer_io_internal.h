/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of the writer's core, performed on PostgreSQL. Each reports its rows to the core; none
 * ends a step (core_done, core_failed). A failure leaves the transaction for the caller to roll
 * back.
 *
 * Threads: the writer's only.
 */
#ifndef DAYBOOK_EVENTLOG_WRITER_IO_INTERNAL_H
#define DAYBOOK_EVENTLOG_WRITER_IO_INTERNAL_H
#include "base/error.h"

struct pg_conn;
struct pg_params;
struct writer_core;

/* PARAMS is for building parameters in: its memory is used again and again. */
struct writer_io {
    struct pg_conn *conn;
    struct pg_params *params;
    struct writer_core *core;
};

MUST_CHECK bool io_look(const struct writer_io *io, struct error *err);
MUST_CHECK bool io_load(const struct writer_io *io, struct error *err);
MUST_CHECK bool io_commit(const struct writer_io *io, struct error *err);
MUST_CHECK bool io_probe(const struct writer_io *io, struct error *err);

#endif
