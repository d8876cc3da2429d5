/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/kafka/kafka_fixture.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "tests/support/await.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct kafka_config fixture_kafka_at(const char *brokers, struct kafka_pair pairs[static 1])
{
    pairs[0] = (struct kafka_pair){"bootstrap.servers", brokers};
    return (struct kafka_config){.common = {pairs, 1}, .client_id = "test"};
}

const struct kafka_config *fixture_kafka(void)
{
    static struct kafka_pair pairs[1];
    static struct kafka_config config;
    const char *brokers = getenv("DAYBOOK_TEST_KAFKA_BROKERS");

    ck_assert_msg(brokers != NULL, "DAYBOOK_TEST_KAFKA_BROKERS is not set: see `make help`");
    config = fixture_kafka_at(brokers, pairs);
    return &config;
}

int64_t fixture_deadline(void)
{
    return clock_monotonic_ms() + FIXTURE_TIMEOUT_MS;
}

void fixture_name(char out[FIXTURE_NAME_MAX], const char *what)
{
    snprintf(out, FIXTURE_NAME_MAX, "test.%s.%016llx", what, (unsigned long long)random_u64());
}

void fixture_topic(char out[FIXTURE_NAME_MAX], int32_t partitions)
{
    SCOPED(kafka_admin_free) struct kafka_admin *admin = NULL;
    struct kafka_new_topic topic = {.name = out, .partitions = partitions, .replication = 1};
    struct error err = {0};
    bool existed;

    fixture_name(out, "topic");
    ck_ok(kafka_admin_new(fixture_kafka(), &admin, &err));
    ck_ok(kafka_admin_create(admin, &topic, fixture_deadline(), &existed, &err));
    ck_assert(!existed);
}

void fixture_delete_topic(const char *topic)
{
    SCOPED(kafka_admin_free) struct kafka_admin *admin = NULL;
    struct await await = await_for(FIXTURE_TIMEOUT_MS);
    int32_t partitions = 1;
    struct error err = {0};

    ck_ok(kafka_admin_new(fixture_kafka(), &admin, &err));
    ck_ok(kafka_admin_delete(admin, topic, fixture_deadline(), &err));
    while (partitions > 0) {
        ck_ok(kafka_admin_partitions(admin, topic, fixture_deadline(), &partitions, &err));
        if (partitions > 0)
            await_more(&await, "topic '%s' has %d partitions", topic, (int)partitions);
    }
}

void fixture_control(const char *verb, const char *service)
{
    const char *program = getenv("DAYBOOK_TEST_CONTROL");
    char command[512];

    ck_assert_msg(program != NULL, "DAYBOOK_TEST_CONTROL is not set: see `make help`");
    snprintf(command, sizeof(command), "'%s' %s %s >/dev/null 2>&1", program, verb, service);
    ck_assert_int_eq(system(command), 0); /* NOLINT(cert-env33-c): our own script and words */
}

static bool leads_to(int fd, int port)
{
    struct sockaddr_in peer = {0};
    socklen_t len = sizeof(peer);

    return getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_family == AF_INET &&
           ntohs(peer.sin_port) == port;
}

int fixture_cut_kafka(void)
{
    const char *colon = strrchr(fixture_kafka()->common.pairs[0].value, ':');
    int port = (int)strtol(colon + 1, NULL, 10);
    int cut = 0;

    for (int fd = 3; fd < 1024; fd++)
        if (leads_to(fd, port) && shutdown(fd, SHUT_RDWR) == 0)
            cut++;
    return cut;
}

struct kafka_producer *fixture_producer(const char *transactional_id)
{
    struct kafka_producer_config config = {
        .kafka = fixture_kafka(),
        .transactional_id = transactional_id,
        .transaction_timeout_ms = 15000,
        .message_bytes_max = 1 << 20,
    };
    struct kafka_producer *producer;
    struct error err = {0};
    struct await await = await_for(FIXTURE_TIMEOUT_MS);

    ck_ok(kafka_producer_new(&config, &producer, &err));
    /* A broker that has just started is still loading its coordinators. */
    while (!kafka_producer_init(producer, fixture_deadline(), &err)) {
        ck_assert_msg(err.class == ERROR_TRANSIENT, "%s", err.text);
        kafka_producer_free(producer);
        await_more(&await, "%s", err.text);
        ck_ok(kafka_producer_new(&config, &producer, &err));
    }
    return producer;
}

void fixture_produce(struct kafka_producer *producer, const char *topic, int32_t partition,
                     const char *key, const char *value)
{
    struct kafka_record record = {
        .topic = topic,
        .partition = partition,
        .key = str_of(key),
        .value = str_of(value),
    };
    struct error err = {0};

    ck_ok(kafka_producer_produce(producer, &record, fixture_deadline(), &err));
}

void fixture_transaction(struct kafka_producer *producer, const char *topic, int32_t partition,
                         int first, int count)
{
    struct error err = {0};
    char value[16];

    ck_ok(kafka_producer_begin(producer, &err));
    for (int i = first; i < first + count; i++) {
        snprintf(value, sizeof(value), "%d", i);
        fixture_produce(producer, topic, partition, "key", value);
    }
    ck_ok(kafka_producer_commit(producer, fixture_deadline(), &err));
}

static int64_t end_of(const char *topic, int32_t partition, enum kafka_isolation isolation)
{
    SCOPED(kafka_reader_free) struct kafka_reader *reader = NULL;
    struct kafka_range range = {.topic = topic, .partition = partition};
    struct error err = {0};

    ck_ok(kafka_reader_new(fixture_kafka(), isolation, &reader, &err));
    ck_ok(kafka_reader_bounds(reader, &range, fixture_deadline(), &err));
    return range.to;
}

void fixture_await_markers(const char *topic, int32_t partition)
{
    int64_t end = end_of(topic, partition, KAFKA_READ_UNCOMMITTED);

    for (struct await await = await_for(FIXTURE_TIMEOUT_MS);
         end_of(topic, partition, KAFKA_READ_COMMITTED) < end;)
        await_more(&await, "offsets below %lld are not stable", (long long)end);
}

struct values {
    char *out;
    size_t bytes;
};

static bool add_value(void *arg, struct kafka_message **message, struct error *err)
{
    struct values *values = arg;
    struct str value = kafka_message_value(*message);
    size_t len = strlen(values->out);

    (void)err;
    snprintf(values->out + len, values->bytes - len, "%s" STR_FMT, len > 0 ? " " : "",
             STR_ARG(value));
    return true;
}

void fixture_values(const char *topic, int32_t partition, enum kafka_isolation isolation, char *out,
                    size_t out_bytes)
{
    SCOPED(kafka_reader_free) struct kafka_reader *reader = NULL;
    struct kafka_range range = {.topic = topic, .partition = partition};
    struct values values = {out, out_bytes};
    struct error err = {0};

    out[0] = '\0';
    ck_ok(kafka_reader_new(fixture_kafka(), isolation, &reader, &err));
    ck_ok(kafka_reader_bounds(reader, &range, fixture_deadline(), &err));
    ck_ok(kafka_reader_read(reader, &range, 1, add_value, &values, fixture_deadline(), &err));
}
