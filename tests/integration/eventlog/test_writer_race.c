/* SPDX-License-Identifier: Apache-2.0 */
/* Several writers on one log, in one process and in several, racing for the same streams. */
#include "base/clock.h"
#include "tests/integration/eventlog/rig.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *eventlog_writer_race_suite(void);

enum { WRITERS = 3, CLIENTS = 8, STREAMS = 10, ROUNDS = 60 };

/* One client of a writer: one write at a time, each expecting the version it was told last. */
struct client {
    struct writer *writer;
    struct queue *finished;
    unsigned seed;
    int64_t known[STREAMS];
    int64_t appended;
    int64_t conflicts;
};

static struct write *client_write(struct client *client, struct write *write)
{
    write->deadline_ms = clock_monotonic_ms() + 30000;
    write_announce(write, client->finished);
    if (writer_submit(client->writer, write) != WRITER_TAKEN)
        abort();
    if (queue_pop(client->finished, 60000) != write)
        abort();
    return write;
}

static void append_exactly(struct client *client, int stream)
{
    char name[32];
    struct write *write;

    snprintf(name, sizeof(name), "note-%d", stream);
    write = write_append(name, 1, NULL);
    write_expect(write, client->known[stream] == 0 ? NONE : EXACT(client->known[stream]));
    client_write(client, write);
    if (write->outcome == WRITE_APPENDED) {
        client->appended++;
        client->known[stream] = write->streams[0].version.n;
    } else if (write->outcome == WRITE_CONFLICT) {
        client->conflicts++;
        /* True at that moment: versions only grow. */
        if (write->conflicts[0].actual.n <= client->known[stream])
            abort();
        client->known[stream] = write->conflicts[0].actual.n;
    } else {
        fprintf(stderr, "outcome %d: %s\n", (int)write->outcome, write->error.text);
        abort();
    }
    write_drop(write);
}

static void *race(void *arg)
{
    struct client *client = arg;

    for (int i = 0; i < ROUNDS; i++)
        append_exactly(client, rand_r(&client->seed) % STREAMS);
    return NULL;
}

/* All clients of one process; returns what was appended. */
static int64_t race_clients(struct writer *const *writers, size_t writers_count, unsigned seed)
{
    struct client clients[CLIENTS];
    pthread_t threads[CLIENTS];
    int64_t appended = 0;
    int64_t conflicts = 0;

    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.writer = writers[i % writers_count],
                                     .finished = queue_new(1),
                                     .seed = seed * CLIENTS + i};
        if (pthread_create(&threads[i], NULL, race, &clients[i]) != 0)
            abort();
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        queue_free(clients[i].finished);
        appended += clients[i].appended;
        conflicts += clients[i].conflicts;
    }
    if (conflicts == 0)
        abort(); /* it was no race */
    return appended;
}

START_TEST(every_version_is_acknowledged_exactly_once)
{
    struct writer *writers[WRITERS];
    int64_t appended;

    for (int i = 0; i < WRITERS; i++)
        writers[i] = rig_writer();
    appended = race_clients(writers, WRITERS, 1);
    for (int i = 0; i < WRITERS; i++)
        writer_stop(writers[i]);
    ck_assert_int_eq(rig_check(), appended);
}
END_TEST

static int64_t child(unsigned seed)
{
    struct writer *writer = rig_writer();
    int64_t appended = race_clients(&writer, 1, seed);

    writer_stop(writer);
    return appended;
}

START_TEST(the_same_holds_for_several_processes)
{
    int64_t sum = 0;
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    for (unsigned i = 0; i < WRITERS; i++) {
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            int64_t appended = child(i + 2);

            _exit(write(fds[1], &appended, sizeof(appended)) == sizeof(appended) ? 0 : 1);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;

        ck_assert_int_gt(wait(&status), 0);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    close(fds[1]);
    for (int i = 0; i < WRITERS; i++) {
        int64_t appended;

        ck_assert_int_eq(read(fds[0], &appended, sizeof(appended)), sizeof(appended));
        sum += appended;
    }
    close(fds[0]);
    ck_assert_int_eq(rig_check(), sum);
}
END_TEST

static void *open_and_spend(void *arg)
{
    struct client *client = arg;
    char id[16];

    for (int i = 0; i < ROUNDS; i++) {
        struct write *write;

        snprintf(id, sizeof(id), "%d", i % 20);
        write = client_write(client, write_open(id, "0"));
        client->appended += write->outcome == WRITE_APPENDED;
        if (write->outcome != WRITE_APPENDED && write->outcome != WRITE_REFUSED)
            abort();
        write_drop(write);
        write = client_write(client, write_command(&account_add, "rich", -1));
        client->conflicts += write->outcome == WRITE_APPENDED; /* here: what was spent */
        if (write->outcome != WRITE_APPENDED && write->outcome != WRITE_REFUSED)
            abort();
        write_drop(write);
    }
    return NULL;
}

START_TEST(a_stream_is_created_once_and_nothing_is_overspent)
{
    enum { RICHES = 100 };
    struct writer *writers[WRITERS];
    struct client clients[WRITERS];
    pthread_t threads[WRITERS];
    int64_t opened = 0;
    int64_t spent = 0;

    for (int i = 0; i < WRITERS; i++)
        writers[i] = rig_writer();
    RIG_EXPECT(writers[0], write_open("rich", ""), WRITE_APPENDED);
    RIG_EXPECT(writers[0], write_command(&account_add, "rich", RICHES), WRITE_APPENDED);
    for (int i = 0; i < WRITERS; i++) {
        clients[i] = (struct client){.writer = writers[i], .finished = queue_new(1)};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, open_and_spend, &clients[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        queue_free(clients[i].finished);
        opened += clients[i].appended;
        spent += clients[i].conflicts;
    }
    for (int i = 0; i < WRITERS; i++)
        writer_stop(writers[i]);
    ck_assert_int_eq(opened, 20);
    ck_assert_int_eq(spent, RICHES);
    ck_assert_int_eq(rig_check(), opened + spent + 2);
}
END_TEST

struct keyed_client {
    struct client client;
    unsigned number;
};

/* Writes with a key until it is answered, as a careful client does. */
static void *write_stubbornly(void *arg)
{
    struct keyed_client *keyed = arg;
    char key[32];
    char stream[32];

    for (int i = 0; i < ROUNDS; i++) {
        enum write_outcome outcome;

        snprintf(key, sizeof(key), "%u-%d", keyed->number, i);
        snprintf(stream, sizeof(stream), "note-%d", i % STREAMS);
        do {
            struct write *write = write_append(stream, 1, NULL);

            write_key(write, key, "hash");
            outcome = client_write(&keyed->client, write)->outcome;
            write_drop(write);
        } while (outcome == WRITE_FAILED);
        if (outcome != WRITE_APPENDED && outcome != WRITE_REPLAYED)
            abort();
        keyed->client.appended++;
    }
    return NULL;
}

START_TEST(with_backends_killed_all_the_time_each_key_is_written_once)
{
    struct writer *writers[WRITERS];
    struct keyed_client clients[CLIENTS];
    pthread_t threads[CLIENTS];
    int64_t appended = 0;

    for (int i = 0; i < WRITERS; i++)
        writers[i] = rig_writer();
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (struct keyed_client){
            .client = {.writer = writers[i % WRITERS], .finished = queue_new(1)}, .number = i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_stubbornly, &clients[i]), 0);
    }
    for (int i = 0; i < 40; i++)
        database_run(the_log.database,
                     "select pg_terminate_backend(pid) from pg_stat_activity"
                     " where application_name = 'writer' and datname = current_database()"
                     " order by random() limit 1; select pg_sleep(random() * 0.03)");
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        queue_free(clients[i].client.finished);
        appended += clients[i].client.appended;
    }
    for (int i = 0; i < WRITERS; i++)
        writer_stop(writers[i]);
    ck_assert_int_eq(appended, CLIENTS * ROUNDS);
    ck_assert_int_eq(rig_check(), appended);
    ck_assert_int_eq(database_i64(the_log.database, "select count(*) from idempotency_keys"),
                     appended);
}
END_TEST

Suite *eventlog_writer_race_suite(void)
{
    Suite *suite = suite_create("eventlog_writer_race");
    TCase *tc = tcase_create("race");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, rig_set_up, rig_tear_down);
    tcase_add_test(tc, every_version_is_acknowledged_exactly_once);
    tcase_add_test(tc, the_same_holds_for_several_processes);
    tcase_add_test(tc, a_stream_is_created_once_and_nothing_is_overspent);
    tcase_add_test(tc, with_backends_killed_all_the_time_each_key_is_written_once);
    suite_add_tcase(suite, tc);
    return suite;
}
