/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/config.h"

#include "base/config.h"
#include "base/mem.h"
#include "kafka/kafka_internal.h"

#include <stdio.h>
#include <string.h>

static const char from_the_log[] = "Daybook starts from its own cursor or checkpoint, never from "
                                   "what Kafka keeps for a group";
static const char of_the_publisher[] = "exactly-once depends on Daybook's own value";
static const char of_the_group[] = "Daybook names its own groups and members";

const char *const kafka_refused_keys[][2] = {
    {"transactional.id", "it is made from the log's UUID, so that publishers fence each other"},
    {"transaction.timeout.ms", of_the_publisher},
    {"enable.idempotence", of_the_publisher},
    {"enable.gapless.guarantee", of_the_publisher},
    {"acks", of_the_publisher},
    {"request.required.acks", of_the_publisher},
    {"max.in.flight", "it would reorder records; idempotence sets it"},
    {"max.in.flight.requests.per.connection", "it would reorder records; idempotence sets it"},
    {"retries", of_the_publisher},
    {"message.send.max.retries", of_the_publisher},
    {"message.timeout.ms", of_the_publisher},
    {"delivery.timeout.ms", of_the_publisher},
    {"delivery.report.only.error", "without delivery reports a commit waits in 10 ms slices"},
    {"message.max.bytes", "it must hold the largest event"},
    {"partitioner", "the partition is Java's murmur2 of the key, whoever computes it"},
    {"isolation.level", "a reader would see events of aborted transactions"},
    {"enable.auto.commit", from_the_log},
    {"enable.auto.offset.store", from_the_log},
    {"auto.commit.interval.ms", from_the_log},
    {"auto.offset.reset", "a position that retention took is filled from the log, not skipped"},
    {"enable.partition.eof", "Daybook sets it where it needs it"},
    {"group.id", of_the_group},
    {"group.instance.id", of_the_group},
    {"group.protocol", "the assignment must be eager, by the classic protocol"},
    {"partition.assignment.strategy",
     "cooperative assignment loses positions in librdkafka < 2.10"},
    {"session.timeout.ms", of_the_group},
    {"allow.auto.create.topics", "topics are made by the publisher, with their settings"},
    {"client.id", "it is the instance's name"},
    {"plugin.library.paths", "no foreign code in this process"},
    {"brokers", "it is called kafka.bootstrap.servers (DAYBOOK_KAFKA_BOOTSTRAP_SERVERS)"},
    {NULL, NULL},
};

static const char *const secret_keys[] = {
    "sasl.password",         "ssl.key.password",        "ssl.key.pem",
    "ssl.keystore.password", "sasl.oauthbearer.config", "sasl.oauthbearer.client.secret",
};

bool kafka_key_is_secret(const char *key)
{
    for (size_t i = 0; i < sizeof(secret_keys) / sizeof(secret_keys[0]); i++)
        if (strcmp(secret_keys[i], key) == 0)
            return true;
    return false;
}

static const char *refusal(const struct kafka_pair *pair)
{
    for (size_t i = 0; kafka_refused_keys[i][0] != NULL; i++)
        if (strcmp(kafka_refused_keys[i][0], pair->key) == 0)
            return kafka_refused_keys[i][1];
    /* Else a lost connection may pass unseen, and each one must make a new producer. */
    if (strcmp(pair->key, "socket.max.fails") == 0 && strcmp(pair->value, "1") != 0)
        return "only 1 is allowed: every failed request must close its connection";
    return NULL;
}

/* The property that was probably meant; "": none is near. Nothing is told of what we refuse. */
static void suggest(rd_kafka_conf_t *conf, const char *key, char out[KAFKA_RDKAFKA_TEXT_MAX])
{
    size_t count;
    const char **dump = rd_kafka_conf_dump(conf, &count);
    const char **names = mem_calloc(count / 2 + 1, sizeof(*names));
    const char *nearest;

    for (size_t i = 0; i < count / 2; i++)
        names[i] = dump[2 * i];
    names[count / 2] = "bootstrap.servers"; /* an alias, and those are not in the dump */
    nearest = nearest_word(str_of(key), names, count / 2 + 1);
    if (nearest != NULL && refusal(&(struct kafka_pair){nearest, ""}) == NULL)
        snprintf(out, KAFKA_RDKAFKA_TEXT_MAX,
                 "librdkafka knows no such property; did you mean '%s'?", nearest);
    mem_free(names);
    rd_kafka_conf_dump_free(dump, count);
}

/* NULL: it is fine. TEXT has room for what is told. Not rd_kafka_conf_set()'s text for a bad value
 * of a secret: it repeats the value. */
static const char *fault_of(rd_kafka_conf_t *conf, const struct kafka_pair *pair,
                            char text[KAFKA_RDKAFKA_TEXT_MAX])
{
    const char *why = refusal(pair);

    text[0] = '\0';
    if (why != NULL)
        return why;
    switch (rd_kafka_conf_set(conf, pair->key, pair->value, text, KAFKA_RDKAFKA_TEXT_MAX)) {
    case RD_KAFKA_CONF_OK:
        return NULL;
    case RD_KAFKA_CONF_UNKNOWN:
        text[0] = '\0';
        suggest(conf, pair->key, text);
        return text[0] != '\0' ? text : "librdkafka knows no such property";
    case RD_KAFKA_CONF_INVALID:
    default:
        return kafka_key_is_secret(pair->key) ? "librdkafka refuses the value" : text;
    }
}

bool kafka_config_check(const struct kafka_config *config, kafka_fault_fn fault, void *arg)
{
    const struct {
        const char *name;
        const struct kafka_pairs *pairs;
    } sections[] = {
        {"kafka", &config->common},
        {"kafka.producer", &config->producer},
        {"kafka.consumer", &config->consumer},
    };
    SCOPED(rd_kafka_conf_destroy) rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = true;

    for (size_t s = 0; s < sizeof(sections) / sizeof(sections[0]); s++)
        for (size_t i = 0; i < sections[s].pairs->count; i++) {
            const struct kafka_pair *pair = &sections[s].pairs->pairs[i];
            char text[KAFKA_RDKAFKA_TEXT_MAX];
            const char *why = fault_of(conf, pair, text);

            if (why == NULL)
                continue;
            fault(arg, sections[s].name, pair->key, why);
            ok = false;
        }
    return ok;
}
