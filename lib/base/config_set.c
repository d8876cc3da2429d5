/* SPDX-License-Identifier: Apache-2.0 */
/* One key and its value, from wherever: looked up, checked, stored. */
#include "base/config_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

/* A value may hold line feeds, if it is from the environment: a fault is one line. */
static void make_single_line(char *line)
{
    for (; *line != '\0'; line++) {
        if ((unsigned char)*line < 0x20 || *line == 0x7F)
            *line = '?';
    }
}

void config_fault(struct config_loader *loader, const char *where, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    int len;

    if (loader->faults_count++ >= CONFIG_FAULTS_MAX)
        return;
    va_start(args, fmt);
    len = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    assert(len >= 0); /* no wide characters in our formats */
    make_single_line(line);

    buf_add_cstr(&loader->faults, where);
    buf_add_cstr(&loader->faults, ": ");
    buf_add_cstr(&loader->faults, line);
    buf_add_char(&loader->faults, '\n');
}

static bool ends_in_file(struct str key, struct str *ret_key)
{
    static const size_t suffix_len = sizeof("_file") - 1;

    if (key.len <= suffix_len ||
        !str_equal(str_from(key.data + key.len - suffix_len, suffix_len), STR("_file")))
        return false;
    *ret_key = str_from(key.data, key.len - suffix_len);
    return true;
}

/* False: a fault was noted. */
static bool read_secret(struct config_loader *loader, const char *where, struct str path,
                        struct str *ret_text)
{
    const char *name = arena_cstr(loader->config->arena, path);
    const char *reason = "does not exist";
    bool world_readable = false;

    if (config_slurp(loader->config->arena, name, CONFIG_SECRET_BYTES_MAX, ret_text,
                     &world_readable, &reason) != CONFIG_OPEN_READ) {
        config_fault(loader, where, "the secret's file '%s' %s", name, reason);
        return false;
    }
    if (world_readable) {
        config_fault(loader, where, "the secret's file '%s' can be read by everyone; chmod o-r it",
                     name);
        return false;
    }
    while (ret_text->len > 0 &&
           (ret_text->data[ret_text->len - 1] == '\n' || ret_text->data[ret_text->len - 1] == '\r'))
        ret_text->len--;
    return true;
}

/* Secrets that were written where others can see them. False: a fault was noted. */
static bool may_hold_secret(struct config_loader *loader, const char *where, struct str key)
{
    if (loader->command_line)
        config_fault(loader, where,
                     "a secret on the command line can be seen by everyone; use '" STR_FMT "_file'",
                     STR_ARG(key));
    else if (loader->world_readable)
        config_fault(loader, where,
                     "'" STR_FMT "' is a secret and everyone can read this file; chmod o-r it, or "
                     "use '" STR_FMT "_file'",
                     STR_ARG(key), STR_ARG(key));
    return !loader->command_line && !loader->world_readable;
}

/* True if the value was not set by the same source before. */
static bool is_first(struct config_loader *loader, const char *where, struct str key,
                     const struct config_value *value)
{
    if (value->level != loader->level)
        return true;
    config_fault(loader, where, "'" STR_FMT "' was set already, %s", STR_ARG(key), value->source);
    return false;
}

static void store(struct config_loader *loader, const char *where, struct str text, int64_t number,
                  struct config_value *value)
{
    *value = (struct config_value){
        .text = arena_cstr(loader->config->arena, text),
        .number = number,
        .source = where,
        .level = loader->level,
        .faulty = value->faulty,
    };
}

static void set_setting(struct config_loader *loader, const char *where, size_t index,
                        struct str text)
{
    const struct setting *setting = &loader->config->schema->settings[index];
    SCOPED_VALUE(buf_release) struct buf wanted = BUF_INIT(4096);
    int64_t number = 0;

    if (!config_value_parse(setting, text, &number, &wanted)) {
        struct str shown = setting->secret ? STR("what was given") : text;

        config_fault(loader, where, "'%s' must be " STR_FMT ", not '" STR_FMT "'", setting->key,
                     STR_ARG(buf_str(&wanted)), STR_ARG(shown));
        loader->config->values[index].faulty = true;
        return;
    }
    store(loader, where, text, number, &loader->config->values[index]);
}

static struct config_pair_entry *
pair_find(struct config *config, const struct setting_passthrough *passthrough, struct str key)
{
    for (size_t i = 0; i < config->pairs_count; i++) {
        if (config->pairs[i].passthrough == passthrough &&
            str_equal(str_of(config->pairs[i].key), key))
            return &config->pairs[i];
    }
    return NULL;
}

static struct config_pair_entry *
pair_add(struct config *config, const struct setting_passthrough *passthrough, struct str key)
{
    struct config_pair_entry *pair;

    config->pairs = mem_grow(config->pairs, &config->pairs_capacity, config->pairs_count + 1,
                             sizeof(*config->pairs));
    pair = &config->pairs[config->pairs_count++];
    *pair = (struct config_pair_entry){
        .passthrough = passthrough,
        .key = arena_cstr(config->arena, key),
    };
    return pair;
}

bool config_is_secret_pair(const char *key)
{
    static const char *const marks[] = {"password", "secret", ".pem", "token",
                                        "oauthbearer.config"};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (strstr(key, marks[i]) != NULL)
            return true;
    }
    return false;
}

static bool is_refused(struct config_loader *loader, const char *where,
                       const struct setting_passthrough *passthrough, struct str key)
{
    for (size_t i = 0; passthrough->refused != NULL && passthrough->refused[i][0] != NULL; i++) {
        if (str_equal(key, str_of(passthrough->refused[i][0]))) {
            config_fault(loader, where, "'%s.%s' cannot be set: %s", passthrough->section,
                         passthrough->refused[i][0], passthrough->refused[i][1]);
            return true;
        }
    }
    return false;
}

static void set_pair(struct config_loader *loader, const char *where, struct str full,
                     const struct setting_passthrough *passthrough, struct str key, struct str text)
{
    struct config *config = loader->config;
    struct str stem;
    bool from_file = ends_in_file(key, &stem);
    struct config_pair_entry *pair;

    if (from_file)
        key = stem;
    if (is_refused(loader, where, passthrough, key))
        return;
    pair = pair_find(config, passthrough, key);
    if (pair != NULL && !is_first(loader, where, full, &pair->value))
        return;
    if (from_file ? !read_secret(loader, where, text, &text)
                  : config_is_secret_pair(arena_cstr(config->arena, key)) &&
                        !may_hold_secret(loader, where, full))
        return;
    if (pair == NULL)
        pair = pair_add(config, passthrough, key);
    store(loader, where, text, 0, &pair->value);
}

static bool setting_find(const struct config_schema *schema, struct str key, size_t *ret_index)
{
    for (size_t i = 0; i < schema->settings_count; i++) {
        if (str_equal(key, str_of(schema->settings[i].key))) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static void unknown_key(struct config_loader *loader, const char *where, struct str key)
{
    const struct config_schema *schema = loader->config->schema;
    const char **known = ARENA_ARRAY(loader->config->arena, const char *, schema->settings_count);
    const char *nearest;

    for (size_t i = 0; i < schema->settings_count; i++)
        known[i] = schema->settings[i].key;
    nearest = nearest_word(key, known, schema->settings_count);
    if (nearest != NULL)
        config_fault(loader, where, "unknown key '" STR_FMT "'; did you mean '%s'?", STR_ARG(key),
                     nearest);
    else
        config_fault(loader, where, "unknown key '" STR_FMT "'", STR_ARG(key));
}

const struct setting_passthrough *config_passthrough(const struct config_schema *schema,
                                                     struct str key, struct str *ret_rest)
{
    const struct setting_passthrough *found = NULL;

    for (size_t i = 0; i < schema->passthroughs_count; i++) {
        struct str section = str_of(schema->passthroughs[i].section);

        if (key.len > section.len + 1 && str_starts_with(key, section) &&
            key.data[section.len] == '.' &&
            (found == NULL || section.len > strlen(found->section))) {
            found = &schema->passthroughs[i];
            *ret_rest = str_from(key.data + section.len + 1, key.len - section.len - 1);
        }
    }
    return found;
}

void config_set(struct config_loader *loader, const char *where, struct str key, struct str value)
{
    const struct config_schema *schema = loader->config->schema;
    const struct setting_passthrough *passthrough;
    struct str stem = key;
    struct str rest;
    size_t index;
    bool from_file = false;

    if (!setting_find(schema, key, &index)) {
        from_file = ends_in_file(key, &stem) && setting_find(schema, stem, &index) &&
                    schema->settings[index].secret;
        if (!from_file) {
            passthrough = config_passthrough(schema, key, &rest);
            if (passthrough != NULL)
                set_pair(loader, where, key, passthrough, rest, value);
            else
                unknown_key(loader, where, key);
            return;
        }
    }
    if (!is_first(loader, where, stem, &loader->config->values[index]))
        return;
    if (from_file ? !read_secret(loader, where, value, &value)
                  : schema->settings[index].secret && !may_hold_secret(loader, where, key))
        return;
    set_setting(loader, where, index, value);
}
