/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/kafka_internal.h"

#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* By default 10 s: so long a broker that is back would be left alone. May be set in [kafka]. */
#define RECONNECT_MAX_MS "1000"

static bool set(rd_kafka_conf_t *conf, const char *key, const char *value, struct error *err)
{
    char text[KAFKA_RDKAFKA_TEXT_MAX] = "";

    if (rd_kafka_conf_set(conf, key, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
        return true;
    return error_set(err, ERROR_FATAL, "kafka-refused", "kafka setting '%s': %s", key,
                     kafka_key_is_secret(key) ? "refused" : text);
}

static bool set_pairs(rd_kafka_conf_t *conf, const struct kafka_pairs *pairs, struct error *err)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (!set(conf, pairs->pairs[i].key, pairs->pairs[i].value, err))
            return false;
    return true;
}

bool kafka_conf_new(const struct kafka_config *config, const struct kafka_pairs *section,
                    const struct kafka_pair *ours, rd_kafka_conf_t **ret_conf, struct error *err)
{
    SCOPED(rd_kafka_conf_destroy) rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rd_kafka_conf_set_log_cb(conf, kafka_log_line);
    if (!set(conf, "client.id", config->client_id, err) ||
        !set(conf, "reconnect.backoff.max.ms", RECONNECT_MAX_MS, err) ||
        !set_pairs(conf, &config->common, err))
        return false;
    if (section != NULL && !set_pairs(conf, section, err))
        return false;
    /* A topic made by a look-up would have the broker's partitions and settings, not ours. */
    if (!set(conf, "allow.auto.create.topics", "false", err))
        return false;
    for (; ours->key != NULL; ours++)
        if (!set(conf, ours->key, ours->value, err))
            return false;
    *ret_conf = TAKE(conf);
    return true;
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_watch *watch = opaque;

    (void)rk;
    atomic_fetch_add(&watch->errors, 1);
    /* "all brokers down" comes behind the error that says why. */
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && watch->last_error[0] != '\0')
        return;
    snprintf(watch->last_error, sizeof(watch->last_error), "%s: %s", rd_kafka_err2name(code),
             reason);
}

/* Called by librdkafka's threads. */
static int on_closesocket(int fd, void *opaque)
{
    struct kafka_watch *watch = opaque;

    atomic_fetch_add(&watch->closed_sockets, 1);
    return close(fd);
}

void kafka_watch_attach(rd_kafka_conf_t *conf, struct kafka_watch *watch)
{
    rd_kafka_conf_set_opaque(conf, watch);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_closesocket_cb(conf, on_closesocket);
}

bool kafka_watch_explain(const struct kafka_watch *watch, struct error *err)
{
    char text[ERROR_TEXT_MAX];

    if (watch->last_error[0] == '\0')
        return false;
    snprintf(text, sizeof(text), "%s", err->text);
    snprintf(err->text, sizeof(err->text), "%.*s (last: %.200s)", ERROR_TEXT_MAX - 220, text,
             watch->last_error);
    return false;
}

bool kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t **conf, rd_kafka_t **ret_rk,
                      struct error *err)
{
    char text[KAFKA_RDKAFKA_TEXT_MAX] = "";
    rd_kafka_t *rk = rd_kafka_new(type, *conf, text, sizeof(text));

    if (rk == NULL) {
        rd_kafka_conf_destroy(TAKE(*conf));
        return error_set(err, ERROR_FATAL, "kafka-refused", "make a kafka client: %s", text);
    }
    *conf = NULL;
    *ret_rk = rk;
    return true;
}

int kafka_timeout_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - clock_monotonic_ms();

    if (left < 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}
