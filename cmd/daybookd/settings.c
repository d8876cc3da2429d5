/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybookd/settings.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/name.h"
#include "base/program.h"
#include "eventlog/identity.h"
#include "http/address.h"
#include "orders/orders.h"
#include "publisher/cursor.h"
#include "projection/sql_files.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    FAULTS_BYTES_MAX = 1 << 20,
    HOST_NAME_BYTES = 256,
    CURSOR_TOPIC_BYTES = 200,    /* of a category in the cursor: its names */
    CURSOR_PARTITION_BYTES = 42, /* and each partition's three numbers, up to 13 digits */
};

static void fault(const struct config *config, struct buf *faults, const char *key,
                  const char *message)
{
    buf_printf(faults, "%s: '%s' %s\n", config_source(config, key), key, message);
}

/* Of two that are right each by itself. */
static bool is_above(const struct config *config, const char *key, const char *other)
{
    return !config_is_faulty(config, key) && !config_is_faulty(config, other) &&
           config_number(config, key) > config_number(config, other);
}

static bool is_known_projection(const struct projection *const *known, struct str name)
{
    for (; *known != NULL; known++)
        if (str_equal(name, str_of((*known)->name)))
            return true;
    return false;
}

static bool load_projections(const struct config *config, struct arena *arena, struct buf *faults,
                             const struct projection *const **ret)
{
    return sql_files_load(config_text(config, "projection.directory"), orders_projections, arena,
                          faults, ret);
}

static void check_names(const struct config *config, const struct projection *const *known,
                        struct buf *faults)
{
    struct str rest = str_of(config_text(config, "projection.names"));

    if (str_equal(rest, STR("all")))
        return;
    do {
        if (!is_known_projection(known, str_trim(str_split(rest, ',', &rest))))
            fault(config, faults, "projection.names",
                  "names something that is no projection; they are orders, stock, customers, and "
                  "those of projection.directory");
    } while (rest.len > 0);
}

static void check_policies(const struct config *config, const struct projection *const *known,
                           struct arena *arena, struct buf *faults)
{
    const struct parking_override *overrides;
    const char *wrong = settings_parking_overrides(config, known, arena, &overrides);

    if (wrong != NULL)
        fault(config, faults, "projection.retry_policies", wrong);
}

/* A name is not blamed for a file that can not be read. */
static void check_projections(const struct config *config, struct buf *faults)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    const struct projection *const *known;

    if (is_above(config, "projection.retry_first", "projection.retry_max"))
        fault(config, faults, "projection.retry_first", "must not be above projection.retry_max");
    if (!load_projections(config, arena, faults, &known))
        return;
    check_names(config, known, faults);
    check_policies(config, known, arena, faults);
}

/* Topic names must stay legal, and '.' and '_' in them collide in the names of metrics. */
static bool is_prefix(struct str prefix)
{
    return prefix.len <= LOG_PREFIX_MAX && name_is_tenant(prefix);
}

static void check_log(const struct config *config, struct buf *faults)
{
    if (!name_is_tenant(str_of(config_text(config, "eventlog.name"))))
        fault(config, faults, "eventlog.name", "must be of a-z, 0-9 and -, at most 63");
    if (!is_prefix(str_of(config_text(config, "eventlog.prefix"))))
        fault(config, faults, "eventlog.prefix", "must be of a-z, 0-9 and -, at most 63");
    if (is_above(config, "eventlog.batch_commands_max", "eventlog.queue_commands_max"))
        fault(config, faults, "eventlog.batch_commands_max",
              "must not be above eventlog.queue_commands_max");
}

/* All topics are in one record with each transaction: one that is too large ends publishing. */
static void check_publisher(const struct config *config, struct buf *faults)
{
    int64_t topic_bytes =
        CURSOR_TOPIC_BYTES + CURSOR_PARTITION_BYTES * config_number(config, "publisher.partitions");

    if (!config_is_faulty(config, "eventlog.categories_max") &&
        !config_is_faulty(config, "publisher.partitions") &&
        config_number(config, "eventlog.categories_max") * topic_bytes > CURSOR_BYTES_MAX)
        fault(config, faults, "eventlog.categories_max",
              "with so many publisher.partitions is more than the publisher's cursor can hold");
}

static void check_http(const struct config *config, struct buf *faults)
{
    const char *listen = config_text(config, "http.listen");

    if (!http_address_is_valid(listen))
        fault(config, faults, "http.listen", "must be an address and a port, as 127.0.0.1:8080");
    else if (!http_address_is_loopback(listen) &&
             !config_bool(config, "http.allow_unauthenticated"))
        fault(config, faults, "http.listen",
              "is reached by others than this machine, and nobody is asked who they are; behind a "
              "firewall or proxy, add allow_unauthenticated = true to [http] "
              "(DAYBOOK_HTTP_ALLOW_UNAUTHENTICATED=true)");
    if (is_above(config, "http.body_bytes_max", "http.bulk_body_bytes_max"))
        fault(config, faults, "http.body_bytes_max", "must not be above http.bulk_body_bytes_max");
}

static void check_postgres(const struct config *config, struct buf *faults)
{
    if (is_above(config, "postgres.idle_in_transaction_timeout", "postgres.statement_timeout"))
        fault(config, faults, "postgres.idle_in_transaction_timeout",
              "must not be above postgres.statement_timeout");
}

struct kafka_faults {
    const struct config *config;
    struct buf *lines;
};

static void kafka_fault(void *arg, const char *section, const char *key, const char *why)
{
    const struct kafka_faults *faults = arg;
    const char *source = config_pair_source(faults->config, section, key);

    assert(source != NULL); /* what we add ourselves is right */
    buf_printf(faults->lines, "%s: '%s.%s': %s\n", source, section, key, why);
}

static void check_kafka(const struct config *config, struct buf *faults)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct kafka_config kafka = settings_kafka(config, "check", arena);
    struct kafka_faults into = {.config = config, .lines = faults};

    (void)kafka_config_check(&kafka, kafka_fault, &into);
}

void settings_check(const struct config *config, struct buf *faults)
{
    char host[HOST_NAME_BYTES];
    const char *instance = config_text(config, "instance.name");

    if (instance[0] == '\0' && gethostname(host, sizeof host) != 0)
        fault(config, faults, "instance.name", "must be given: this host has no name");
    else if (instance[0] != '\0' && !name_is_id(str_of(instance)))
        fault(config, faults, "instance.name", "must be 1 to 128 of A-Z a-z 0-9 . _ ~ : @ -");
    check_http(config, faults);
    check_log(config, faults);
    check_publisher(config, faults);
    check_postgres(config, faults);
    check_projections(config, faults);
    check_kafka(config, faults);
}

static void tell_faults(const struct invocation *invocation, const char *lines)
{
    fprintf(stderr, "%s: the configuration is wrong\n%s", invocation->program->name, lines);
}

bool settings_load(const struct invocation *invocation, struct config **ret_config)
{
    char *lines = NULL;
    struct error err;

    if (!config_load(&daybookd_settings, invocation_option(invocation, "config"), invocation->flags,
                     invocation->flags_count, environ, ret_config, &lines, &err)) {
        tell_faults(invocation, lines);
        mem_free(lines);
        return false;
    }
    return true;
}

bool settings_projections(const struct invocation *invocation, const struct config *config,
                          const struct projection *const **ret)
{
    SCOPED_VALUE(buf_release) struct buf faults = BUF_INIT(FAULTS_BYTES_MAX);

    if (load_projections(config, invocation->arena, &faults, ret))
        return true;
    buf_add_char(&faults, '\0');
    tell_faults(invocation, faults.data);
    return false;
}

const char *settings_instance(const struct config *config, struct arena *arena)
{
    const char *name = config_text(config, "instance.name");
    char host[HOST_NAME_BYTES] = "";

    if (name[0] != '\0')
        return name;
    (void)gethostname(host, sizeof host - 1); /* settings_check() has seen that there is one */
    return arena_cstr(arena, str_of(host));
}

struct pg_config settings_postgres(const struct config *config, const char *application_name)
{
    return (struct pg_config){
        .url = config_text(config, "postgres.url"),
        .application_name = application_name,
        .connect_timeout_ms = config_number(config, "postgres.connect_timeout"),
        .statement_timeout_ms = config_number(config, "postgres.statement_timeout"),
        .tcp_user_timeout_ms = config_number(config, "postgres.tcp_user_timeout"),
        .idle_in_transaction_timeout_ms =
            config_number(config, "postgres.idle_in_transaction_timeout"),
    };
}

struct upkeep_config settings_upkeep(const struct config *config)
{
    return (struct upkeep_config){
        .partition_events = config_number(config, "eventlog.partition_events"),
        .partitions_ahead = (unsigned)config_number(config, "eventlog.partitions_ahead"),
        .idempotency_days = (unsigned)config_number(config, "eventlog.idempotency_days"),
    };
}

struct writer_config settings_writer(const struct config *config, const char *application_name)
{
    static const struct domain *const domains[] = {&orders_domain, NULL};

    return (struct writer_config){
        .postgres = settings_postgres(config, application_name),
        .queue_commands_max = (size_t)config_number(config, "eventlog.queue_commands_max"),
        .batch_commands_max = (size_t)config_number(config, "eventlog.batch_commands_max"),
        .batch_events_max = (size_t)config_number(config, "eventlog.batch_events_max"),
        .batch_bytes_max = (size_t)config_number(config, "eventlog.batch_bytes_max"),
        .cache_bytes_max = (size_t)config_number(config, "eventlog.cache_bytes"),
        .categories_max = (size_t)config_number(config, "eventlog.categories_max"),
        .snapshot_every = (unsigned)config_number(config, "eventlog.snapshot_every"),
        .upkeep = settings_upkeep(config),
        .domains = domains,
    };
}

struct subscription_limits settings_subscriptions(const struct config *config)
{
    return (struct subscription_limits){
        .subscribers_max = (size_t)config_number(config, "subscriptions.max"),
        .ring_bytes_max = (size_t)config_number(config, "subscriptions.ring_bytes"),
        .lag_ms = config_number(config, "subscriptions.lag"),
        .heartbeat_ms = config_number(config, "subscriptions.heartbeat"),
    };
}

struct http_config settings_http(const struct config *config)
{
    return (struct http_config){
        .listen = config_text(config, "http.listen"),
        .threads = (unsigned)config_number(config, "http.threads"),
        .connections_max = (unsigned)config_number(config, "http.connections_max"),
        .connections_per_address_max =
            (unsigned)config_number(config, "http.connections_per_address_max"),
        .header_timeout_ms = config_number(config, "http.header_timeout"),
        .idle_timeout_ms = config_number(config, "http.idle_timeout"),
        .body_rate_min = (size_t)config_number(config, "http.body_rate_min"),
    };
}

static struct kafka_pairs section_pairs(const struct config *config, const char *section,
                                        size_t room, struct arena *arena)
{
    const char *key;
    const char *value;
    size_t count = 0;

    while (config_pair(config, section, count, &key, &value))
        count++;
    struct kafka_pair *pairs = ARENA_ARRAY(arena, struct kafka_pair, count + room);
    for (size_t i = 0; i < count; i++)
        (void)config_pair(config, section, i, &pairs[i].key, &pairs[i].value);
    return (struct kafka_pairs){.pairs = pairs, .count = count};
}

static struct kafka_pairs common_pairs(const struct config *config, struct arena *arena)
{
    struct kafka_pairs given = section_pairs(config, "kafka", 0, arena);
    struct kafka_pair *pairs = ARENA_ARRAY(arena, struct kafka_pair, given.count + 1);

    for (size_t i = 0; i < given.count; i++) {
        if (strcmp(given.pairs[i].key, "bootstrap.servers") == 0)
            return given;
        pairs[i] = given.pairs[i];
    }
    pairs[given.count] = (struct kafka_pair){"bootstrap.servers", "127.0.0.1:9092"};
    return (struct kafka_pairs){.pairs = pairs, .count = given.count + 1};
}

struct kafka_config settings_kafka(const struct config *config, const char *instance,
                                   struct arena *arena)
{
    return (struct kafka_config){
        .common = common_pairs(config, arena),
        .producer = section_pairs(config, "kafka.producer", 0, arena),
        .consumer = section_pairs(config, "kafka.consumer", 0, arena),
        .client_id = instance,
    };
}

enum log_level settings_log_level(const struct config *config)
{
    static const char *const names[] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
    const char *name = config_text(config, "logging.level");
    enum log_level level = LOG_DEBUG;

    while (strcmp(names[level], name) != 0)
        level++;
    return level;
}

enum log_format settings_log_format(const struct config *config)
{
    const char *name = config_text(config, "logging.format");

    if (strcmp(name, "json") == 0)
        return LOG_FORMAT_JSON;
    return strcmp(name, "logfmt") == 0 ? LOG_FORMAT_LOGFMT : LOG_FORMAT_AUTO;
}
