/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this broker takes from one producer, by librdkafka alone: records of about 300 bytes, lz4,
 * over six partitions, plain (idempotent), and in transactions of 5,000. Prints records a second of
 * each as JSON.
 *
 * Usage: limit_kafka BROKERS TOPIC SECONDS. It makes the topic.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PARTITIONS = 6,
    TRANSACTION = 5000,
    TEXTS = 1000, /* more than lz4 looks back upon */
    TEXT_BYTES = 300,
    CALL_MS = 30000,
};

static const char *brokers;
static const char *topic;
static double seconds;
static char texts[TEXTS][TEXT_BYTES + 1];
static long delivered;

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "limit_kafka: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static double now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Orders of one line, as we would publish them. */
static void write_texts(void)
{
    for (unsigned i = 0; i < TEXTS; i++) {
        unsigned draw = i * 2654435761u;
        int len = snprintf(texts[i], sizeof texts[i],
                           "{\"customer_id\":\"customer%u\",\"currency\":\"EUR\",\"lines\":[{"
                           "\"line\":1,\"sku\":\"sku%u\",\"quantity\":1,\"unit_price_minor\":%u}],"
                           "\"total_minor\":%u,\"note\":\"",
                           draw % 5000, draw % 1000, draw % 9999, draw % 9999);

        memset(texts[i] + len, 'x', (size_t)(TEXT_BYTES - 2 - len));
        memcpy(texts[i] + TEXT_BYTES - 2, "\"}", 3);
    }
}

static void report(rd_kafka_t *producer, const rd_kafka_message_t *message, void *arg)
{
    (void)producer;
    (void)arg;
    if (message->err)
        fail("deliver", rd_kafka_err2str(message->err));
    delivered++;
}

static rd_kafka_t *producer_new(const char *transactional_id)
{
    const char *const pairs[][2] = {{"bootstrap.servers", brokers},
                                    {"enable.idempotence", "true"},
                                    {"compression.codec", "lz4"},
                                    {"linger.ms", "5"},
                                    {"queue.buffering.max.messages", "100000"},
                                    {"transactional.id", transactional_id}};
    size_t count = sizeof pairs / sizeof *pairs - (transactional_id == NULL);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *producer;
    char why[512];

    for (size_t i = 0; i < count; i++)
        if (rd_kafka_conf_set(conf, pairs[i][0], pairs[i][1], why, sizeof why) != RD_KAFKA_CONF_OK)
            fail("configure", why);
    rd_kafka_conf_set_dr_msg_cb(conf, report);
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (producer == NULL)
        fail("make the producer", why);
    return producer;
}

static void produce(rd_kafka_t *producer, rd_kafka_topic_t *to, long number)
{
    while (rd_kafka_produce(to, (int32_t)(number % PARTITIONS), RD_KAFKA_MSG_F_COPY,
                            texts[number % TEXTS], TEXT_BYTES, NULL, 0, NULL) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(producer, 10);
    }
}

static void check(rd_kafka_error_t *error, const char *what)
{
    if (error != NULL)
        fail(what, rd_kafka_error_string(error));
}

static void run_plain(rd_kafka_t *producer, rd_kafka_topic_t *to)
{
    double ends = now() + seconds;

    for (long number = 0; now() < ends;) {
        for (int i = 0; i < TRANSACTION; i++)
            produce(producer, to, number++);
        rd_kafka_poll(producer, 0);
    }
    rd_kafka_flush(producer, CALL_MS);
}

static void run_transactions(rd_kafka_t *producer, rd_kafka_topic_t *to)
{
    double ends = now() + seconds;

    for (long number = 0; now() < ends;) {
        check(rd_kafka_begin_transaction(producer), "begin");
        for (int i = 0; i < TRANSACTION; i++)
            produce(producer, to, number++);
        check(rd_kafka_commit_transaction(producer, CALL_MS), "commit");
    }
}

static void make_topic(void)
{
    rd_kafka_t *admin = producer_new(NULL);
    rd_kafka_queue_t *answers = rd_kafka_queue_new(admin);
    char why[512];
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, PARTITIONS, 1, why, sizeof why);
    rd_kafka_event_t *answer;
    size_t count = 0;

    if (wanted == NULL)
        fail("make the topic", why);
    rd_kafka_CreateTopics(admin, &wanted, 1, NULL, answers);
    answer = rd_kafka_queue_poll(answers, CALL_MS);
    if (answer == NULL || rd_kafka_event_error(answer))
        fail("make the topic", answer ? rd_kafka_event_error_string(answer) : "no answer");
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer), &count);
    if (count != 1 || rd_kafka_topic_result_error(results[0]))
        fail("make the topic", rd_kafka_topic_result_error_string(results[0]));
    rd_kafka_event_destroy(answer);
    rd_kafka_NewTopic_destroy(wanted);
    rd_kafka_queue_destroy(answers);
    rd_kafka_destroy(admin);
}

static double measure(const char *transactional_id)
{
    rd_kafka_t *producer = producer_new(transactional_id);
    rd_kafka_topic_t *to = rd_kafka_topic_new(producer, topic, NULL);
    double began, took;

    if (transactional_id != NULL)
        check(rd_kafka_init_transactions(producer, CALL_MS), "init");
    delivered = 0;
    began = now();
    if (transactional_id != NULL)
        run_transactions(producer, to);
    else
        run_plain(producer, to);
    took = now() - began;
    rd_kafka_topic_destroy(to);
    rd_kafka_destroy(producer);
    return (double)delivered / took;
}

int main(int argc, char **argv)
{
    if (argc != 4 || (seconds = strtod(argv[3], NULL)) <= 0) {
        fprintf(stderr, "usage: limit_kafka BROKERS TOPIC SECONDS\n");
        return 2;
    }
    brokers = argv[1];
    topic = argv[2];
    write_texts();
    make_topic();
    double plain = measure(NULL);
    printf("{\"plain\":%.0f,\"transactions\":%.0f}\n", plain, measure(topic));
    return 0;
}
