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
#include "postgres/pg.h"

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

/* Shared by writer_io.c and writer_io_commit.c. */

extern const char io_sql_begin[];

static inline bool io_send(const struct writer_io *io, const char *sql, struct error *err)
{
    return pg_pipe_send(io->conn, sql, io->params, err);
}

static inline struct pg_params *io_fresh(const struct writer_io *io)
{
    pg_params_clear(io->params);
    return io->params;
}

/* Values of one member of an array of structs, as one array parameter. */
#define ADD_ARRAY(params, type, adder, items, count, member) \
    do { \
        pg_array_open((params), (type)); \
        for (size_t add_i = 0; add_i < (count); add_i++) \
            adder((params), (items)[add_i].member); \
        pg_array_close(params); \
    } while (0)

#endif
