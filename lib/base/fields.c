/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a parsed object against a schema. */
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>

#include "base/arena.h"
#include "base/clock.h"

/* A member's name as a token of a JSON pointer (RFC 6901): ~ is ~0, / is ~1. */
static const char *pointer_token(struct arena *arena, const char *key)
{
    char *token;
    char *at;

    if (strpbrk(key, "~/") == NULL)
        return key;
    at = token = arena_alloc(arena, 2 * strlen(key) + 1);
    for (; *key != '\0'; key++) {
        if (*key == '~' || *key == '/') {
            *at++ = '~';
            *at++ = *key == '~' ? '0' : '1';
        } else {
            *at++ = *key;
        }
    }
    *at = '\0';
    return token;
}

static void fault(struct fields *f, const char *key, const char *message)
{
    faults_add(f->faults, message, "%s/%s", f->prefix, pointer_token(f->arena, key));
}

bool fields_open(struct fields *fields, json_t *value, const char *prefix, struct arena *arena,
                 struct faults *faults)
{
    *fields = (struct fields){
        .object = value,
        .arena = arena,
        .faults = faults,
        .prefix = prefix,
    };
    if (json_is_object(value))
        return true;
    faults_add(faults, "must be an object", "%s", prefix);
    return false;
}

/* The member, NULL where it is absent; it is known from now on. */
static json_t *member(struct fields *f, const char *key, enum field_need need)
{
    json_t *value = json_object_get(f->object, key);

    assert(f->known_count < sizeof(f->known) / sizeof(f->known[0]));
    f->known[f->known_count++] = key;
    if (value == NULL && need == FIELD_REQUIRED)
        fault(f, key, "is missing");
    return value;
}

bool fields_str(struct fields *f, const char *key, enum field_need need, size_t len_max,
                struct str *ret)
{
    json_t *value = member(f, key, need);
    size_t len;

    if (value == NULL)
        return false;
    if (!json_is_string(value)) {
        fault(f, key, "must be a string");
        return false;
    }
    len = json_string_length(value);
    if (len > len_max) {
        fault(f, key, arena_printf(f->arena, "must be at most %zu bytes long", len_max).data);
        return false;
    }
    *ret = arena_dup(f->arena, str_from(json_string_value(value), len));
    return true;
}

bool fields_i64(struct fields *f, const char *key, enum field_need need, int64_t min, int64_t max,
                int64_t *ret)
{
    json_t *value = member(f, key, need);

    if (value == NULL)
        return false;
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        fault(f, key,
              arena_printf(f->arena, "must be an integer from %" PRId64 " to %" PRId64, min, max)
                  .data);
        return false;
    }
    *ret = json_integer_value(value);
    return true;
}

bool fields_bool(struct fields *f, const char *key, enum field_need need, bool *ret)
{
    json_t *value = member(f, key, need);

    if (value == NULL)
        return false;
    if (!json_is_boolean(value)) {
        fault(f, key, "must be true or false");
        return false;
    }
    *ret = json_is_true(value);
    return true;
}

bool fields_time(struct fields *f, const char *key, enum field_need need, int64_t *ret_wall_us)
{
    json_t *value = member(f, key, need);

    if (value == NULL)
        return false;
    if (!json_is_string(value) ||
        !clock_parse_rfc3339(str_from(json_string_value(value), json_string_length(value)),
                             ret_wall_us)) {
        fault(f, key, "must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z");
        return false;
    }
    return true;
}

bool fields_array(struct fields *f, const char *key, enum field_need need, size_t min, size_t max,
                  json_t **ret)
{
    json_t *value = member(f, key, need);

    if (value == NULL)
        return false;
    if (!json_is_array(value) || json_array_size(value) < min || json_array_size(value) > max) {
        fault(f, key,
              arena_printf(f->arena, "must be an array of %zu to %zu items", min, max).data);
        return false;
    }
    *ret = value;
    return true;
}

bool fields_any(struct fields *f, const char *key, enum field_need need, json_t **ret)
{
    json_t *value = member(f, key, need);

    if (value == NULL)
        return false;
    *ret = value;
    return true;
}

static bool is_known(const struct fields *f, const char *key)
{
    for (size_t i = 0; i < f->known_count; i++) {
        if (strcmp(f->known[i], key) == 0)
            return true;
    }
    return false;
}

void fields_done(struct fields *f)
{
    const char *key;
    json_t *value;

    json_object_foreach(f->object, key, value)
    {
        if (!is_known(f, key))
            fault(f, key, "is not known here");
    }
}
