/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers with units, and what a setting accepts. */
#include "base/config_internal.h"

#include <assert.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Rising. Sizes are written in binary units where they can be, so those come later. */
static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
};
static const struct unit size_units[] = {
    {"B", 1},         {"kB", 1000},     {"MB", 1000000},  {"GB", 1000000000},
    {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0},
};

static bool parse_with_unit(struct str text, const struct unit *units, int64_t *ret_value)
{
    size_t digits = 0;
    struct str unit;
    uint64_t number;

    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    if (!str_to_u64(str_from(text.data, digits), INT64_MAX, &number))
        return false;
    unit = str_from(text.data + digits, text.len - digits);
    for (; units->name != NULL; units++) {
        if (str_equal(unit, str_of(units->name)))
            return !__builtin_mul_overflow((int64_t)number, units->factor, ret_value);
    }
    return false;
}

bool config_parse_duration_ms(struct str text, int64_t *ret_ms)
{
    return parse_with_unit(text, duration_units, ret_ms);
}

bool config_parse_size_bytes(struct str text, int64_t *ret_bytes)
{
    return parse_with_unit(text, size_units, ret_bytes);
}

static void write_with_unit(struct buf *out, const struct unit *units, int64_t number)
{
    const struct unit *best = &units[0];

    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (number != 0 && number % unit->factor == 0)
            best = unit;
    }
    buf_add_i64(out, number / best->factor);
    buf_add_cstr(out, best->name);
}

void config_write_number(struct buf *out, enum setting_type type, int64_t number)
{
    switch (type) {
    case SETTING_DURATION:
        write_with_unit(out, duration_units, number);
        break;
    case SETTING_SIZE:
        write_with_unit(out, size_units, number);
        break;
    case SETTING_BOOL:
        buf_add_cstr(out, number ? "true" : "false");
        break;
    case SETTING_TEXT:
    case SETTING_CHOICE:
    case SETTING_COUNT:
        buf_add_i64(out, number);
        break;
    }
}

static bool is_single_line(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return false;
    }
    return str_is_utf8(text, NULL);
}

static bool is_choice(struct str text, struct str choices)
{
    while (choices.len > 0) {
        if (str_equal(text, str_split(choices, '|', &choices)))
            return true;
    }
    return false;
}

static bool has_range(const struct setting *setting)
{
    return setting->min != 0 || setting->max != 0;
}

static bool parse_number(const struct setting *setting, struct str text, int64_t *ret_number)
{
    int64_t number;

    if (setting->type == SETTING_DURATION ? !config_parse_duration_ms(text, &number)
        : setting->type == SETTING_SIZE   ? !config_parse_size_bytes(text, &number)
                                          : !str_to_i64(text, &number))
        return false;
    if (has_range(setting) ? number < setting->min || number > setting->max : number < 0)
        return false;
    *ret_number = number;
    return true;
}

static bool parse(const struct setting *setting, struct str text, int64_t *ret_number)
{
    switch (setting->type) {
    case SETTING_TEXT:
        return is_single_line(text);
    case SETTING_CHOICE:
        return is_choice(text, str_of(setting->choices));
    case SETTING_BOOL:
        *ret_number = str_equal(text, STR("true"));
        return *ret_number || str_equal(text, STR("false"));
    case SETTING_COUNT:
    case SETTING_DURATION:
    case SETTING_SIZE:
        return parse_number(setting, text, ret_number);
    }
    return false;
}

static void describe(const struct setting *setting, struct buf *wanted)
{
    switch (setting->type) {
    case SETTING_TEXT:
        buf_add_cstr(wanted, "a single line of UTF-8");
        return;
    case SETTING_CHOICE:
        buf_printf(wanted, "one of %s", setting->choices);
        return;
    case SETTING_BOOL:
        buf_add_cstr(wanted, "true or false");
        return;
    case SETTING_COUNT:
        buf_add_cstr(wanted, "a whole number");
        break;
    case SETTING_DURATION:
        buf_add_cstr(wanted, "a duration with its unit (ms, s, m, h, d)");
        break;
    case SETTING_SIZE:
        buf_add_cstr(wanted, "a size with its unit (B, kB, MB, GB, KiB, MiB, GiB)");
        break;
    }
    if (!has_range(setting))
        return;
    buf_add_cstr(wanted, " from ");
    config_write_number(wanted, setting->type, setting->min);
    buf_add_cstr(wanted, " to ");
    config_write_number(wanted, setting->type, setting->max);
}

bool config_value_parse(const struct setting *setting, struct str text, int64_t *ret_number,
                        struct buf *wanted)
{
    if (parse(setting, text, ret_number))
        return true;
    if (wanted != NULL)
        describe(setting, wanted);
    return false;
}
