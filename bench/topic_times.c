/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When each event could be read in Kafka: follows a topic from its end on as any committed reader
 * would, until standard input ends, then prints "position us" for each record, of the monotonic
 * clock. Prints "ready" when it is at the end of every partition.
 *
 * Usage: topic_times BROKERS TOPIC
 */
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CALL_MS = 30000, WAIT_MS = 50, RECORDS_FIRST = 1 << 16 };

struct seen {
    int64_t position;
    int64_t us;
};

static struct seen *seen;
static size_t seen_count, seen_room;

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "topic_times: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static rd_kafka_t *consumer_new(const char *brokers)
{
    const char *const pairs[][2] = {{"bootstrap.servers", brokers},
                                    {"group.id", "topic-times"},
                                    {"enable.auto.commit", "false"},
                                    {"isolation.level", "read_committed"},
                                    {"enable.partition.eof", "true"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *consumer;
    char why[512];

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (rd_kafka_conf_set(conf, pairs[i][0], pairs[i][1], why, sizeof why) != RD_KAFKA_CONF_OK)
            fail("configure", why);
    consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (consumer == NULL)
        fail("make the consumer", why);
    rd_kafka_poll_set_consumer(consumer);
    return consumer;
}

/* Returns the number of partitions. */
static int assign_ends(rd_kafka_t *consumer, const char *topic)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer, topic, NULL);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error = rd_kafka_metadata(consumer, 0, handle, &metadata, CALL_MS);
    int count;

    if (error)
        fail("look at the topic", rd_kafka_err2str(error));
    count = metadata->topics[0].partition_cnt;
    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_END;
    error = rd_kafka_assign(consumer, list);
    if (error || count == 0)
        fail("assign", rd_kafka_err2str(error));
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_topic_destroy(handle);
    return count;
}

static void note(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const void *value;
    char digits[24] = "";
    size_t len;

    if (rd_kafka_message_headers(message, &headers) ||
        rd_kafka_header_get_last(headers, "ce_globalposition", &value, &len) ||
        len >= sizeof digits)
        fail("read a record", "it has no position");
    memcpy(digits, value, len);
    if (seen_count == seen_room) {
        seen_room = seen_room > 0 ? 2 * seen_room : RECORDS_FIRST;
        seen = realloc(seen, seen_room * sizeof *seen);
        if (seen == NULL)
            fail("note a record", "no memory");
    }
    seen[seen_count++] = (struct seen){strtoll(digits, NULL, 10), now_us()};
}

static bool input_has_ended(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte;

    return poll(&input, 1, 0) == 1 && read(STDIN_FILENO, &byte, 1) <= 0;
}

static void follow(rd_kafka_t *consumer, int partitions)
{
    int at_end = 0;

    while (!input_has_ended()) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, WAIT_MS);

        if (message == NULL)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            note(message);
        } else if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            fail("read", rd_kafka_message_errstr(message));
        } else if (++at_end == partitions) { /* later ones tell nothing new */
            printf("ready\n");
            fflush(stdout);
        }
        rd_kafka_message_destroy(message);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: topic_times BROKERS TOPIC\n");
        return 2;
    }
    rd_kafka_t *consumer = consumer_new(argv[1]);
    follow(consumer, assign_ends(consumer, argv[2]));
    for (size_t i = 0; i < seen_count; i++)
        printf("%lld %lld\n", (long long)seen[i].position, (long long)seen[i].us);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    free(seen);
    return 0;
}
