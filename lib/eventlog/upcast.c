/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/upcast.h"

#include "base/arena.h"
#include "base/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 4 };

static const struct upcaster *find(const struct upcaster *table, struct str category,
                                   struct str type, unsigned from)
{
    for (; table != NULL && table->category != NULL; table++) {
        if (table->from == from && str_equal(str_of(table->type), type) &&
            str_equal(str_of(table->category), category))
            return table;
    }
    return NULL;
}

static unsigned newest_version(const struct upcaster *table, struct str category, struct str type)
{
    unsigned version = 1;

    while (find(table, category, type, version) != NULL)
        version++;
    return version;
}

bool upcasters_are_whole(const struct upcaster *table)
{
    for (const struct upcaster *u = table; u != NULL && u->category != NULL; u++) {
        if (u->from == 0 || u->from >= newest_version(table, str_of(u->category), str_of(u->type)))
            return false;
    }
    return true;
}

/* "MeterRead.v2" is "MeterRead" and 2. Anything but .v and a plain number from 2 on is no suffix:
 * then all of it is the type, and the version 1. */
static unsigned split_type(struct str stored, struct str *ret_type)
{
    size_t digits = 0;
    unsigned version = 0;

    *ret_type = stored;
    while (digits < stored.len && stored.data[stored.len - 1 - digits] >= '0' &&
           stored.data[stored.len - 1 - digits] <= '9')
        digits++;
    if (digits == 0 || digits > DIGITS_MAX || stored.len < digits + 3 ||
        stored.data[stored.len - digits] == '0' || stored.data[stored.len - digits - 1] != 'v' ||
        stored.data[stored.len - digits - 2] != '.')
        return 1;
    for (size_t i = stored.len - digits; i < stored.len; i++)
        version = version * 10 + (unsigned)(stored.data[i] - '0');
    if (version < 2)
        return 1;
    *ret_type = str_from(stored.data, stored.len - digits - 2);
    return version;
}

struct str upcast_stored_type(const struct upcaster *table, struct str category, struct str type,
                              struct arena *arena)
{
    unsigned newest = newest_version(table, category, type);

    return newest == 1 ? type : arena_printf(arena, STR_FMT ".v%u", STR_ARG(type), newest);
}

static bool take_steps(const struct upcaster *table, struct str category, struct str type,
                       unsigned version, json_t *object, struct error *err)
{
    const struct upcaster *step;

    while ((step = find(table, category, type, version)) != NULL) {
        if (!step->upcast(object, err))
            return error_wrap(err, "version %u of '" STR_FMT "'", version, STR_ARG(type));
        version++;
    }
    return true;
}

static bool change(const struct upcaster *table, struct str category, struct str type,
                   unsigned version, struct str *data, struct arena *arena, struct error *err)
{
    SCOPED(json_decref) json_t *object = NULL;
    char *text;

    if (!json_parse_stored(*data, &object, err))
        return error_wrap(err, "version %u of '" STR_FMT "'", version, STR_ARG(type));
    if (!take_steps(table, category, type, version, object, err))
        return false;
    text = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL)
        return error_set(err, ERROR_POISON, "malformed-event",
                         "what version %u of '" STR_FMT "' became is no JSON", version,
                         STR_ARG(type));
    *data = arena_dup(arena, str_of(text));
    free(text);
    return true;
}

bool upcast(const struct upcaster *table, struct str category, struct str *type, struct str *data,
            struct arena *arena, struct error *err)
{
    struct str plain;
    unsigned version;
    unsigned newest;

    if (table == NULL)
        return true;
    version = split_type(*type, &plain);
    newest = newest_version(table, category, plain);
    if (newest == 1)
        return true;
    if (version > newest)
        return error_set(err, ERROR_POISON, "unknown-event-type",
                         "version %u of '" STR_FMT "' is newer than this program, which knows %u",
                         version, STR_ARG(plain), newest);
    if (version < newest && !change(table, category, plain, version, data, arena, err))
        return false;
    *type = plain;
    return true;
}
