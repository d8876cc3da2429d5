/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/eventlog/rig.h"

#include "base/clock.h"
#include "eventlog/identity.h"
#include "eventlog/upkeep.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FINISHED_MAX = 65536, AWAIT_MS = 30000 };

struct rig the_log;

void rig_set_up(void)
{
    SCOPED(pg_free) struct pg_conn *conn = NULL;
    struct error err;

    the_log = (struct rig){
        .database = database_new(),
        .upkeep = {.partition_events = 1000000, .partitions_ahead = 1, .idempotency_days = 7},
        .finished = queue_new(FINISHED_MAX),
    };
    database_migrate(the_log.database);
    conn = database_connect(the_log.database, PG_PROFILE_UPKEEP);
    ck_assert_msg(upkeep_run(conn, &the_log.upkeep, &err), "%s", err.text);
    ck_assert_msg(log_identity_create(conn, "test", "daybook", &err), "%s", err.text);
}

void rig_tear_down(void)
{
    queue_free(the_log.finished);
    database_free(the_log.database);
}

struct writer_config rig_writer_config(void)
{
    static const struct domain *const domains[] = {&accounts_domain, NULL};

    return (struct writer_config){
        .postgres = {.url = the_log.database->url,
                     .application_name = "writer",
                     .connect_timeout_ms = 5000,
                     .statement_timeout_ms = 10000,
                     .tcp_user_timeout_ms = 10000,
                     .idle_in_transaction_timeout_ms = 5000},
        .queue_commands_max = 4096,
        .batch_commands_max = 1024,
        .batch_events_max = 8192,
        .batch_bytes_max = 16 << 20,
        .cache_bytes_max = 1 << 20,
        .categories_max = 64,
        .upkeep = the_log.upkeep,
        .domains = domains,
    };
}

struct writer *rig_writer_with(const struct writer_config *config)
{
    struct writer *writer;
    struct error err;

    ck_assert_msg(writer_start(config, &writer, &err), "%s", err.text);
    return writer;
}

struct writer *rig_writer(void)
{
    struct writer_config config = rig_writer_config();

    return rig_writer_with(&config);
}

struct writer *rig_writer_at(const char *url)
{
    struct writer_config config = rig_writer_config();

    config.postgres.url = url;
    return rig_writer_with(&config);
}

void rig_submit(struct writer *writer, struct write *write)
{
    if (write->deadline_ms == INT64_MAX)
        write->deadline_ms = clock_monotonic_ms() + AWAIT_MS;
    write_announce(write, the_log.finished);
    ck_assert_int_eq(writer_submit(writer, write), WRITER_TAKEN);
}

struct write *rig_await(void)
{
    struct write *write = queue_pop(the_log.finished, AWAIT_MS);

    ck_assert_msg(write != NULL, "no write was done in time");
    return write;
}

void rig_await_all(size_t count)
{
    while (count-- > 0)
        rig_await();
}

struct write *rig_write(struct writer *writer, struct write *write)
{
    rig_submit(writer, write);
    ck_assert_ptr_eq(rig_await(), write);
    return write;
}

void rig_eventually(const char *query, int64_t number)
{
    int64_t deadline_ms = clock_monotonic_ms() + AWAIT_MS;

    while (database_i64(the_log.database, query) < number) {
        ck_assert_msg(clock_monotonic_ms() < deadline_ms, "never at least %lld: %s",
                      (long long)number, query);
        poll(NULL, 0, 5);
    }
}

int64_t rig_check(void)
{
    int64_t head = database_i64(the_log.database, "select position from log_head");

    ck_assert_int_eq(database_i64(the_log.database, "select count(*) from events"), head);
    ck_assert_int_eq(
        database_i64(the_log.database, "select coalesce(max(position), 0) from events"), head);
    ck_assert_int_eq(database_i64(the_log.database,
                                  "select count(*) from (select version, row_number() over"
                                  " (partition by stream_id order by position) n from events) e"
                                  " where version <> n"),
                     0);
    ck_assert_int_eq(
        database_i64(the_log.database,
                     "select count(*) from (select stream_id, max(version) v, min(position) f,"
                     " max(position) l from events group by stream_id) e"
                     " full join streams s on s.id = e.stream_id"
                     " where (v, f, l) is distinct from (version, first_position, last_position)"),
        0);
    ck_assert_int_eq(
        database_i64(the_log.database,
                     "select count(*) from (select recorded_at, lag(recorded_at) over"
                     " (order by position) before from events) e where recorded_at < before"),
        0);
    return head;
}

/* postgresql://user@host:port/name */
static char *port_of(char *url)
{
    char *host = strstr(url, "//") + 2;
    char *at = strchr(host, '@');

    return strchr(at != NULL ? at : host, ':') + 1;
}

int rig_server_port(void)
{
    return (int)strtol(port_of(the_log.database->url), NULL, 10);
}

void rig_url_at_port(int port, char *url, size_t url_bytes)
{
    char *old = port_of(the_log.database->url);

    snprintf(url, url_bytes, "%.*s%d/%s", (int)(old - the_log.database->url), the_log.database->url,
             port, strchr(old, '/') + 1);
}
