/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/base/config_fixture.h"

#include <check.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"

enum { ADDED_MAX = 8 };

static const struct setting settings[] = {
    {.key = "logging.level",
     .type = SETTING_CHOICE,
     .preset = "info",
     .choices = "debug|info|warn|error",
     .reloadable = true,
     .text = "How much is logged."},
    {.key = "instance.name", .type = SETTING_TEXT, .text = "Who we are."},
    {.key = "http.listen",
     .type = SETTING_TEXT,
     .preset = "127.0.0.1:8080",
     .text = "Address and port."},
    {.key = "http.threads",
     .type = SETTING_COUNT,
     .preset = "2",
     .min = 1,
     .max = 64,
     .text = "Threads that parse."},
    {.key = "http.idle_timeout",
     .type = SETTING_DURATION,
     .preset = "60s",
     .min = 1000,
     .max = 3600000,
     .text = "Until an idle connection is closed."},
    {.key = "http.body_bytes_max",
     .type = SETTING_SIZE,
     .preset = "256KiB",
     .min = 1024,
     .max = 16 * 1024 * 1024,
     .text = "Longest body."},
    {.key = "http.trace", .type = SETTING_BOOL, .preset = "false", .text = "Whether to trace."},
    {.key = "postgres.url",
     .type = SETTING_TEXT,
     .preset = "postgresql:///daybook",
     .secret = true,
     .text = "The database."},
    {.key = "eventlog.events", .type = SETTING_COUNT, .preset = "0", .text = "No range."},
    {.key = "eventlog.offset",
     .type = SETTING_COUNT,
     .preset = "-1",
     .min = -5,
     .max = 5,
     .text = "May be negative."},
};

static const char *const refused[][2] = {
    {"transactional.id", "it is made of the log's id"},
    {"enable.idempotence", "exactly-once depends on it"},
    {NULL, NULL},
};

static const struct setting_passthrough passthroughs[] = {
    {.section = "kafka", .refused = refused, .text = "Any property of librdkafka."},
    {.section = "kafka.producer", .refused = refused, .text = "The same, of producers."},
    {.section = "other", .text = "Nothing is refused here."},
};

const struct config_schema test_schema = {
    .settings = settings,
    .settings_count = sizeof(settings) / sizeof(settings[0]),
    .passthroughs = passthroughs,
    .passthroughs_count = sizeof(passthroughs) / sizeof(passthroughs[0]),
};

struct temp_dir *config_dir;

static struct config *loaded;
static char *faults;
static char *environment[ADDED_MAX + 1];
static size_t environment_count;
static struct config_flag flags[ADDED_MAX];
static size_t flags_count;

static void forget(void)
{
    config_free(loaded);
    mem_free(faults);
    loaded = NULL;
    faults = NULL;
}

void config_setup(void)
{
    config_dir = temp_dir_new();
    environment_count = 0;
    environment[0] = NULL;
    flags_count = 0;
}

void config_teardown(void)
{
    for (size_t i = 0; i < environment_count; i++)
        mem_free(environment[i]);
    forget();
    temp_dir_free(config_dir);
}

const char *config_write(const char *text)
{
    return temp_write(config_dir, "daybook.conf", str_of(text), 0600);
}

void config_environment(const char *variable)
{
    ck_assert_uint_lt(environment_count, ADDED_MAX);
    environment[environment_count++] = mem_strdup(variable);
    environment[environment_count] = NULL;
}

void config_flag_add(const char *key, const char *value)
{
    ck_assert_uint_lt(flags_count, ADDED_MAX);
    flags[flags_count++] = (struct config_flag){key, value};
}

const struct config *config_try(const char *path)
{
    struct error err = {0};

    forget();
    if (config_load(&test_schema, path, flags, flags_count, environment, &loaded, &faults, &err)) {
        ck_assert_ptr_null(faults);
        return loaded;
    }
    ck_assert_ptr_null(loaded);
    ck_assert_ptr_nonnull(faults);
    ck_assert_int_eq(err.class, ERROR_REFUSED);
    ck_assert_ptr_nonnull(strstr(err.text, " in the configuration"));
    return NULL;
}

const char *config_faults(void)
{
    return faults != NULL ? faults : "";
}

const struct config *config_expect(const char *path)
{
    const struct config *config = config_try(path);

    ck_assert_msg(config != NULL, "%s", config_faults());
    return config;
}

void config_expect_faults(const char *path, const char *expected)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(100000);
    struct str rest = str_of(expected);

    while (rest.len > 0) {
        bool placeholder = str_starts_with(rest, STR("%s"));

        if (placeholder)
            buf_add_cstr(&text, path);
        else
            buf_add_char(&text, rest.data[0]);
        rest = str_from(rest.data + (placeholder ? 2 : 1), rest.len - (placeholder ? 2 : 1));
    }
    buf_add_char(&text, '\0');
    config_try(path);
    ck_assert_str_eq(config_faults(), text.data);
}
