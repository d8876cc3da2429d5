/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this PostgreSQL gives to anyone, by libpq alone, on a table with the columns and keys of
 * ours: one durable row a transaction on 32 connections; 256 rows a statement and transaction on
 * one; COPY on one; and reading it all back by COPY. Prints rows a second of each as JSON.
 *
 * Usage: limit_postgres URL SECONDS. It makes the table limit_events, and drops it.
 */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CLIENTS = 32,
    BATCH = 256,
    COPY_ROWS = 100, /* handed over at once */
    STREAMS = 10000,
    ROW_BYTES_MAX = 1024,
    TEXT_BYTES = 280,
};

static const char sql_make[] =
    "drop table if exists limit_events;"
    "create table limit_events (position bigint primary key, stream_id bigint not null,"
    " version bigint not null, occurred_at timestamptz not null,"
    " recorded_at timestamptz not null, id text collate \"C\" not null,"
    " type text collate \"C\" not null, data json not null);"
    "alter table limit_events alter data set storage external;"
    "create unique index on limit_events (stream_id, version);"
    "create index on limit_events (id, stream_id)";

static const char sql_row[] = "insert into limit_events values"
                              " ($1, $2, $3, now(), now(), $4, 'Measured', $5)";

static const char sql_batch[] =
    "insert into limit_events select p, s, v, now(), now(), i, 'Measured', $5::json"
    " from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) as u (p, s, v, i)";

static const char *url;
static double seconds;
static atomic_long rows; /* so many were made; the number of the next one is this */
static char data[TEXT_BYTES + 16];

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "limit_postgres: %s: %s", what, why);
    exit(EXIT_FAILURE);
}

static double now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void expect(PGconn *conn, PGresult *result, ExecStatusType status)
{
    if (PQresultStatus(result) != status)
        fail("query", PQerrorMessage(conn));
    PQclear(result);
}

static PGconn *connect_to(void)
{
    PGconn *conn = PQconnectdb(url);

    if (PQstatus(conn) != CONNECTION_OK)
        fail("connect", PQerrorMessage(conn));
    expect(conn,
           PQexec(conn, "set synchronous_commit = on; set jit = off;"
                        " set client_min_messages = warning"),
           PGRES_COMMAND_OK);
    return conn;
}

static void script(const char *sql)
{
    PGconn *conn = connect_to();

    expect(conn, PQexec(conn, sql), PGRES_COMMAND_OK);
    PQfinish(conn);
}

struct row {
    long position;
    long stream;
    long version;
    char id[40]; /* as long as ours */
};

static struct row next_row(void)
{
    long number = atomic_fetch_add(&rows, 1);
    struct row row = {number + 1, number % STREAMS, number / STREAMS + 1, ""};

    /* Ids are made from the time, so they rise but for a few bits. */
    snprintf(row.id, sizeof row.id, "01a20f40-%04lx-7%03lx-8000-%012lx", (number >> 12) & 0xffff,
             number & 0xfff, number * 2654435761 & 0xffffffffff);
    return row;
}

static void *insert_rows(void *arg)
{
    PGconn *conn = connect_to();
    double ends = now() + seconds;
    char numbers[3][24];

    (void)arg;
    expect(conn, PQprepare(conn, "row", sql_row, 0, NULL), PGRES_COMMAND_OK);
    while (now() < ends) {
        struct row row = next_row();
        const char *values[] = {numbers[0], numbers[1], numbers[2], row.id, data};

        snprintf(numbers[0], sizeof numbers[0], "%ld", row.position);
        snprintf(numbers[1], sizeof numbers[1], "%ld", row.stream);
        snprintf(numbers[2], sizeof numbers[2], "%ld", row.version);
        expect(conn, PQexecPrepared(conn, "row", 5, values, NULL, NULL, 0), PGRES_COMMAND_OK);
    }
    PQfinish(conn);
    return NULL;
}

static void run_single_rows(void)
{
    pthread_t clients[CLIENTS];

    for (size_t i = 0; i < CLIENTS; i++)
        if (pthread_create(&clients[i], NULL, insert_rows, NULL) != 0)
            fail("start", "no thread\n");
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
}

struct batch {
    char arrays[4][BATCH * 48];
    size_t lens[4];
};

static void add(struct batch *batch, size_t array, const char *format, ...)
{
    char *to = batch->arrays[array];
    va_list arguments;

    to[batch->lens[array]] = batch->lens[array] == 0 ? '{' : ',';
    batch->lens[array]++;
    va_start(arguments, format);
    batch->lens[array] +=
        (size_t)vsnprintf(to + batch->lens[array], sizeof batch->arrays[array] - batch->lens[array],
                          format, arguments);
    va_end(arguments);
}

static void fill(struct batch *batch)
{
    memset(batch->lens, 0, sizeof batch->lens);
    for (size_t i = 0; i < BATCH; i++) {
        struct row row = next_row();

        add(batch, 0, "%ld", row.position);
        add(batch, 1, "%ld", row.stream);
        add(batch, 2, "%ld", row.version);
        add(batch, 3, "%s", row.id);
    }
    for (size_t i = 0; i < 4; i++)
        memcpy(batch->arrays[i] + batch->lens[i], "}", 2);
}

static void run_batches(void)
{
    static struct batch batch;
    const char *values[] = {batch.arrays[0], batch.arrays[1], batch.arrays[2], batch.arrays[3],
                            data};
    PGconn *conn = connect_to();
    double ends = now() + seconds;

    expect(conn, PQprepare(conn, "batch", sql_batch, 0, NULL), PGRES_COMMAND_OK);
    while (now() < ends) {
        fill(&batch);
        expect(conn, PQexecPrepared(conn, "batch", 5, values, NULL, NULL, 0), PGRES_COMMAND_OK);
    }
    PQfinish(conn);
}

static void run_copy(void)
{
    static char text[COPY_ROWS * ROW_BYTES_MAX];
    PGconn *conn = connect_to();
    double ends = now() + seconds;

    expect(conn, PQexec(conn, "copy limit_events from stdin"), PGRES_COPY_IN);
    while (now() < ends) {
        size_t len = 0;

        for (size_t i = 0; i < COPY_ROWS; i++) {
            struct row row = next_row();

            len += (size_t)snprintf(text + len, sizeof text - len,
                                    "%ld\t%ld\t%ld\t2026-11-24 20:00:00.123456+00\t"
                                    "2026-11-24 20:00:00.123456+00\t%s\tMeasured\t%s\n",
                                    row.position, row.stream, row.version, row.id, data);
        }
        if (PQputCopyData(conn, text, (int)len) != 1)
            fail("copy", PQerrorMessage(conn));
    }
    if (PQputCopyEnd(conn, NULL) != 1)
        fail("copy", PQerrorMessage(conn));
    expect(conn, PQgetResult(conn), PGRES_COMMAND_OK);
    PQfinish(conn);
}

static void run_read(void)
{
    PGconn *conn = connect_to();
    char *row;

    atomic_store(&rows, 0);
    expect(conn, PQexec(conn, "copy (select * from limit_events order by position) to stdout"),
           PGRES_COPY_OUT);
    while (PQgetCopyData(conn, &row, 0) > 0) {
        atomic_fetch_add(&rows, 1);
        PQfreemem(row);
    }
    expect(conn, PQgetResult(conn), PGRES_COMMAND_OK);
    PQfinish(conn);
}

static const struct {
    const char *name;
    void (*run)(void);
    int fresh; /* into an empty table */
} parts[] = {
    {"single_rows", run_single_rows, 1},
    {"batches", run_batches, 1},
    {"copy", run_copy, 1},
    {"read", run_read, 0},
};

int main(int argc, char **argv)
{
    if (argc != 3 || (seconds = strtod(argv[2], NULL)) <= 0) {
        fprintf(stderr, "usage: limit_postgres URL SECONDS\n");
        return 2;
    }
    url = argv[1];
    memset(data, 'x', sizeof data);
    memcpy(data, "{\"text\":\"", 9);
    snprintf(data + TEXT_BYTES, sizeof data - TEXT_BYTES, "\"}");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].fresh) {
            script(sql_make);
            atomic_store(&rows, 0);
        }
        double began = now();
        parts[i].run();
        printf("%s\"%s\":%.0f", i > 0 ? "," : "{", parts[i].name,
               (double)atomic_load(&rows) / (now() - began));
    }
    printf("}\n");
    script("drop table limit_events");
    return 0;
}
