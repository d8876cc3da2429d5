/* SPDX-License-Identifier: Apache-2.0 */
/* What librdkafka's threads have to say, as lines of our own log. */
#include "kafka/kafka_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include <pthread.h>
#include <string.h>

enum { LOG_PERIOD_MS = 60000 };

/* syslog's, which librdkafka speaks */
enum { RDKAFKA_WARNING = 4, RDKAFKA_INFO = 6 };

static struct {
    pthread_mutex_t mutex; /* guards gate */
    struct log_gate gate;
} once = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Every handle says the same of one broker: once per cause. */
static bool may_be_said(const char *text, unsigned *ret_held_back)
{
    bool open;

    pthread_mutex_lock(&once.mutex);
    open =
        log_gate_open(&once.gate, str_of(text), clock_monotonic_ms(), LOG_PERIOD_MS, ret_held_back);
    pthread_mutex_unlock(&once.mutex);
    return open;
}

/* A lost connection, or a producer id refused, comes as an error of the call that it failed too,
 * and is logged there. */
static bool is_told_by_calls(const char *facility)
{
    return strcmp(facility, "FAIL") == 0 || strcmp(facility, "ERROR") == 0 ||
           strcmp(facility, "GETPID") == 0;
}

static enum log_level level_of(int level, const char *facility)
{
    if (level > RDKAFKA_INFO || is_told_by_calls(facility))
        return LOG_DEBUG;
    return level > RDKAFKA_WARNING ? LOG_INFO : LOG_WARN;
}

void kafka_log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    enum log_level ours = level_of(level, facility);
    unsigned held_back = 0;

    if (!log_enabled(ours) || (ours != LOG_DEBUG && !may_be_said(text, &held_back)))
        return;
    log_at(ours, "kafka client", LOG_CSTR("client", rd_kafka_name(rk)),
           LOG_CSTR("facility", facility), LOG_CSTR("text", text), LOG_I64("held_back", held_back));
}
