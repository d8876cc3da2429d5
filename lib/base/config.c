/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <assert.h>

#include "base/config_internal.h"
#include "base/mem.h"

#define PATH_DEFAULT "/etc/daybook/daybook.conf"

/* Room for CONFIG_FAULTS_MAX lines, each with a path and at most 1 KiB of text. */
enum { FAULTS_BYTES_MAX = 1024 * 1024 };

static struct config *config_new(const struct config_schema *schema)
{
    struct config *config = mem_zalloc(sizeof(*config));

    config->schema = schema;
    config->arena = arena_new(0);
    config->values = mem_calloc(schema->settings_count, sizeof(*config->values));
    for (size_t i = 0; i < schema->settings_count; i++) {
        const struct setting *setting = &schema->settings[i];
        struct config_value *value = &config->values[i];

        bool valid;

        value->text = setting->preset != NULL ? setting->preset : "";
        value->source = "default";
        valid = config_value_parse(setting, str_of(value->text), &value->number, NULL);
        assert(valid); /* a default that its own setting refuses is a bug in the table */
    }
    return config;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    mem_free(config->values);
    mem_free(config->pairs);
    arena_free(config->arena);
    mem_free(config);
}

static void read_files(struct config_loader *loader, const char *path)
{
    const char *file = path != NULL ? path : PATH_DEFAULT;

    config_read_file(loader, file, path != NULL);
    config_read_directory(loader, arena_printf(loader->config->arena, "%s.d", file).data);
}

static void read_flags(struct config_loader *loader, const struct config_flag *flags, size_t count)
{
    loader->level++;
    loader->command_line = true;
    for (size_t i = 0; i < count; i++) {
        struct str where = arena_printf(loader->config->arena, "flag %s", flags[i].key);

        config_set(loader, where.data, str_of(flags[i].key), str_of(flags[i].value));
    }
    loader->command_line = false;
}

/* What was found, one a line, as a string of its own. */
static char *faults_take(struct config_loader *loader)
{
    if (loader->faults_count > CONFIG_FAULTS_MAX)
        buf_printf(&loader->faults, "... and %zu more\n", loader->faults_count - CONFIG_FAULTS_MAX);
    return mem_strdup_str(buf_str(&loader->faults));
}

/* Behind the faults of the sources; each of its lines is one more. */
static void check(struct config_loader *loader)
{
    SCOPED_VALUE(buf_release) struct buf lines = BUF_INIT(FAULTS_BYTES_MAX);
    struct str rest;

    if (loader->config->schema->check == NULL)
        return;
    loader->config->schema->check(loader->config, &lines);
    rest = buf_str(&lines);
    while (rest.len > 0) {
        struct str line = str_split(rest, '\n', &rest);

        if (loader->faults_count++ < CONFIG_FAULTS_MAX)
            buf_printf(&loader->faults, STR_FMT "\n", STR_ARG(line));
    }
}

bool config_load(const struct config_schema *schema, const char *path,
                 const struct config_flag *flags, size_t flags_count, char *const *environment,
                 struct config **ret_config, char **ret_faults, struct error *err)
{
    struct config_loader loader = {
        .config = config_new(schema),
        .faults = BUF_INIT(FAULTS_BYTES_MAX),
    };

    read_files(&loader, path);
    config_read_environment(&loader, environment);
    read_flags(&loader, flags, flags_count);
    check(&loader);

    if (loader.faults_count > 0) {
        *ret_faults = faults_take(&loader);
        buf_release(&loader.faults);
        config_free(loader.config);
        return error_set(err, ERROR_REFUSED, "", "%zu fault%s in the configuration",
                         loader.faults_count, loader.faults_count == 1 ? "" : "s");
    }
    *ret_config = loader.config;
    return true;
}

static const struct config_value *value_get(const struct config *config, const char *key,
                                            enum setting_type *ret_type)
{
    const struct config_schema *schema = config->schema;
    size_t i = 0;

    while (i < schema->settings_count && strcmp(schema->settings[i].key, key) != 0)
        i++;
    assert(i < schema->settings_count);
    *ret_type = schema->settings[i].type;
    return &config->values[i];
}

const char *config_text(const struct config *config, const char *key)
{
    enum setting_type type;

    return value_get(config, key, &type)->text;
}

bool config_bool(const struct config *config, const char *key)
{
    enum setting_type type;
    const struct config_value *value = value_get(config, key, &type);

    assert(type == SETTING_BOOL);
    return value->number != 0;
}

int64_t config_number(const struct config *config, const char *key)
{
    enum setting_type type;
    const struct config_value *value = value_get(config, key, &type);

    assert(type == SETTING_COUNT || type == SETTING_DURATION || type == SETTING_SIZE);
    return value->number;
}

bool config_is_default(const struct config *config, const char *key)
{
    enum setting_type type;

    return value_get(config, key, &type)->level == 0;
}

bool config_is_faulty(const struct config *config, const char *key)
{
    enum setting_type type;

    return value_get(config, key, &type)->faulty;
}

const char *config_source(const struct config *config, const char *key)
{
    enum setting_type type;

    return value_get(config, key, &type)->source;
}

bool config_pair(const struct config *config, const char *section, size_t index,
                 const char **ret_key, const char **ret_value)
{
    for (size_t i = 0; i < config->pairs_count; i++) {
        const struct config_pair_entry *pair = &config->pairs[i];

        if (strcmp(pair->passthrough->section, section) != 0 || index-- > 0)
            continue;
        *ret_key = pair->key;
        *ret_value = pair->value.text;
        return true;
    }
    return false;
}

const char *config_pair_source(const struct config *config, const char *section, const char *key)
{
    for (size_t i = 0; i < config->pairs_count; i++) {
        const struct config_pair_entry *pair = &config->pairs[i];

        if (strcmp(pair->passthrough->section, section) == 0 && strcmp(pair->key, key) == 0)
            return pair->value.source;
    }
    return NULL;
}
