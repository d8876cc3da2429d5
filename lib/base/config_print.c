/* SPDX-License-Identifier: Apache-2.0 */
/* `config print` and `config explain`: both can be read back as a configuration file. */
#include "base/config_internal.h"

/* "http" of "http.listen", "kafka.producer" of "kafka.producer.x": up to the last dot. */
static struct str section_of(const char *key)
{
    const char *dot = strrchr(key, '.');

    return dot != NULL ? str_from(key, (size_t)(dot - key)) : STR_NONE;
}

static const char *name_of(const char *key)
{
    const char *dot = strrchr(key, '.');

    return dot != NULL ? dot + 1 : key;
}

static void write_section(struct buf *out, struct str section, struct str *current)
{
    if (str_equal(section, *current))
        return;
    *current = section;
    if (out->len > 0)
        buf_add_char(out, '\n');
    buf_printf(out, "[" STR_FMT "]\n", STR_ARG(section));
}

static void write_quoted(struct buf *out, const char *text)
{
    buf_add_char(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, *text);
    }
    buf_add_char(out, '"');
}

static void write_value(struct buf *out, const char *name, const struct config_value *value,
                        bool secret)
{
    buf_printf(out, "%s = ", name);
    write_quoted(out, secret && value->text[0] != '\0' ? "********" : value->text);
    buf_printf(out, " # %s\n", value->source);
}

void config_print(const struct config *config, struct buf *out)
{
    const struct config_schema *schema = config->schema;
    struct str current = STR_NONE;

    for (size_t i = 0; i < schema->settings_count; i++) {
        const struct setting *setting = &schema->settings[i];

        write_section(out, section_of(setting->key), &current);
        write_value(out, name_of(setting->key), &config->values[i], setting->secret);
    }
    for (size_t p = 0; p < schema->passthroughs_count; p++) {
        for (size_t i = 0; i < config->pairs_count; i++) {
            const struct config_pair_entry *pair = &config->pairs[i];

            if (pair->passthrough != &schema->passthroughs[p])
                continue;
            write_section(out, str_of(pair->passthrough->section), &current);
            write_value(out, pair->key, &pair->value, config_is_secret_pair(pair->key));
        }
    }
}

static void write_kind(struct buf *out, const struct setting *setting)
{
    static const char *const kinds[] = {
        [SETTING_TEXT] = "text",          [SETTING_CHOICE] = "one of",
        [SETTING_BOOL] = "true or false", [SETTING_COUNT] = "whole number",
        [SETTING_DURATION] = "duration",  [SETTING_SIZE] = "size",
    };

    buf_printf(out, "# (%s", kinds[setting->type]);
    if (setting->type == SETTING_CHOICE)
        buf_printf(out, " %s", setting->choices);
    if (setting->min != 0 || setting->max != 0) {
        buf_add_cstr(out, ", ");
        config_write_number(out, setting->type, setting->min);
        buf_add_cstr(out, " to ");
        config_write_number(out, setting->type, setting->max);
    }
    if (setting->secret)
        buf_printf(out, ", secret: better %s_file", name_of(setting->key));
    buf_add_cstr(out, setting->reloadable ? ", reloaded by SIGHUP)\n" : ")\n");
}

void config_explain(const struct config_schema *schema, struct buf *out)
{
    struct str current = STR_NONE;

    for (size_t i = 0; i < schema->settings_count; i++) {
        const struct setting *setting = &schema->settings[i];

        write_section(out, section_of(setting->key), &current);
        buf_printf(out, "# %s\n", setting->text);
        write_kind(out, setting);
        buf_printf(out, "#%s = ", name_of(setting->key));
        write_quoted(out, setting->preset != NULL ? setting->preset : "");
        buf_add_char(out, '\n');
    }
    for (size_t p = 0; p < schema->passthroughs_count; p++) {
        const struct setting_passthrough *passthrough = &schema->passthroughs[p];

        write_section(out, str_of(passthrough->section), &current);
        buf_printf(out, "# %s\n", passthrough->text);
        for (size_t i = 0; passthrough->refused != NULL && passthrough->refused[i][0] != NULL; i++)
            buf_printf(out, "# Not %s: %s\n", passthrough->refused[i][0],
                       passthrough->refused[i][1]);
    }
}
