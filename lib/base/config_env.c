/* SPDX-License-Identifier: Apache-2.0 */
/* DAYBOOK_SECTION_KEY in the environment. */
#include "base/config_internal.h"

#include <assert.h>

#define PREFIX "DAYBOOK_"

/* Variables that are ours and no settings: the client's, the build's, the tests'. */
static bool is_foreign(struct str name)
{
    return str_starts_with(name, STR("DAYBOOK_TEST_")) || str_equal(name, STR("DAYBOOK_URL")) ||
           str_equal(name, STR("DAYBOOK_BUILD")) || str_equal(name, STR("DAYBOOK_VERSION"));
}

/* "http.query_threads" -> "DAYBOOK_HTTP_QUERY_THREADS" */
static const char *variable_of(struct arena *arena, const char *key)
{
    struct str name = arena_printf(arena, PREFIX "%s", key);
    char *at = arena_cstr(arena, name);
    const char *variable = at;

    for (; *at != '\0'; at++) {
        if (*at == '.' || *at == '-')
            *at = '_';
        else if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    }
    return variable;
}

/* The setting a variable stands for, with _file if it has _FILE; NULL: none. */
static const char *setting_of(struct config_loader *loader, const char *const *variables,
                              struct str name)
{
    const struct config_schema *schema = loader->config->schema;

    assert(name.data != NULL); /* it is part of the environment */

    for (size_t i = 0; i < schema->settings_count; i++) {
        struct str variable = str_of(variables[i]);
        struct str rest;

        if (!str_starts_with(name, variable))
            continue;
        rest = str_from(name.data + variable.len, name.len - variable.len);
        if (rest.len == 0)
            return schema->settings[i].key;
        if (schema->settings[i].secret && str_equal(rest, STR("_FILE")))
            return arena_printf(loader->config->arena, "%s_file", schema->settings[i].key).data;
    }
    return NULL;
}

/* "DAYBOOK_KAFKA_BOOTSTRAP_SERVERS" -> "kafka.bootstrap.servers", _FILE at the end -> "_file" */
static struct str dotted(struct arena *arena, struct str name)
{
    static const size_t prefix_len = sizeof(PREFIX) - 1;
    char *at = arena_cstr(arena, str_from(name.data + prefix_len, name.len - prefix_len));
    struct str key = str_of(at);

    for (; *at != '\0'; at++) {
        if (*at == '_')
            *at = strcmp(at, "_FILE") == 0 ? '_' : '.';
        else if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    }
    return key;
}

static void unknown_variable(struct config_loader *loader, const char *source,
                             const char *const *variables, struct str name)
{
    const char *nearest = nearest_word(name, variables, loader->config->schema->settings_count);

    if (nearest != NULL)
        config_fault(loader, source, "no setting has this name; did you mean %s?", nearest);
    else
        config_fault(loader, source, "no setting has this name");
}

static void read_variable(struct config_loader *loader, const char *const *variables,
                          struct str name, struct str value)
{
    struct arena *arena = loader->config->arena;
    const char *source = arena_printf(arena, "environment " STR_FMT, STR_ARG(name)).data;
    const char *setting = setting_of(loader, variables, name);
    struct str key = setting != NULL ? str_of(setting) : dotted(arena, name);
    struct str rest;

    if (setting == NULL && config_passthrough(loader->config->schema, key, &rest) == NULL)
        unknown_variable(loader, source, variables, name);
    else
        config_set(loader, source, key, value);
}

void config_read_environment(struct config_loader *loader, char *const *environment)
{
    const struct config_schema *schema = loader->config->schema;
    const char **variables =
        ARENA_ARRAY(loader->config->arena, const char *, schema->settings_count);

    for (size_t i = 0; i < schema->settings_count; i++)
        variables[i] = variable_of(loader->config->arena, schema->settings[i].key);

    loader->level++;
    for (; *environment != NULL; environment++) {
        struct str value;
        struct str name = str_split(str_of(*environment), '=', &value);

        if (str_starts_with(name, STR(PREFIX)) && !is_foreign(name))
            read_variable(loader, variables, name, value);
    }
}
