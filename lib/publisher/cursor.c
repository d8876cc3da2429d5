/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/cursor.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void cursor_init(struct cursor *cursor, const char *log_id)
{
    *cursor = (struct cursor){0};
    snprintf(cursor->log_id, sizeof(cursor->log_id), "%s", log_id);
}

void cursor_release(struct cursor *cursor)
{
    for (size_t i = 0; i < cursor->topics_count; i++)
        mem_free(cursor->topics[i].lanes);
    mem_free(cursor->topics);
    *cursor = (struct cursor){0};
}

void cursor_copy(struct cursor *to, const struct cursor *from)
{
    struct cursor copy = *from;

    copy.topics = mem_calloc(from->topics_count + 1, sizeof(struct cursor_topic));
    for (size_t i = 0; i < from->topics_count; i++) {
        copy.topics[i] = from->topics[i];
        copy.topics[i].lanes = mem_dup(from->topics[i].lanes, (size_t)from->topics[i].partitions *
                                                                  sizeof(struct cursor_lane));
    }
    cursor_release(to);
    *to = copy;
}

/* The engine writes dead letters to dlq-<projection>; nobody else may write there. */
struct str cursor_category(struct str stream, char out[CURSOR_CATEGORY_MAX + 1])
{
    struct str category = name_category(stream);
    struct str projection = name_stream_id(stream);
    int len;

    if (!str_equal(category, STR("dlq")) || !name_is_projection(projection))
        return category;
    len = snprintf(out, CURSOR_CATEGORY_MAX + 1, "dlq." STR_FMT, STR_ARG(projection));
    return str_from(out, (size_t)len);
}

bool cursor_is_category(struct str s)
{
    struct str projection;

    if (name_is_category(s))
        return true;
    return str_equal(str_split(s, '.', &projection), STR("dlq")) && name_is_projection(projection);
}

bool cursor_same_partitions(const struct cursor *a, const struct cursor *b)
{
    for (size_t i = 0; i < a->topics_count; i++) {
        const struct cursor_topic *other = cursor_find(b, str_of(a->topics[i].category));

        if (other != NULL && other->partitions != a->topics[i].partitions)
            return false;
    }
    return true;
}

struct cursor_topic *cursor_find(const struct cursor *cursor, struct str category)
{
    for (size_t i = 0; i < cursor->topics_count; i++)
        if (str_equal(str_of(cursor->topics[i].category), category))
            return &cursor->topics[i];
    return NULL;
}

struct cursor_topic *cursor_add(struct cursor *cursor, struct str category, const char *topic,
                                int32_t partitions)
{
    struct cursor_topic *added;

    assert(cursor_find(cursor, category) == NULL);
    assert(partitions > 0 && category.len <= CURSOR_CATEGORY_MAX);
    assert(strlen(topic) < CURSOR_TOPIC_MAX);
    cursor->topics =
        mem_realloc(cursor->topics, (cursor->topics_count + 1) * sizeof(struct cursor_topic));
    added = &cursor->topics[cursor->topics_count++];
    *added = (struct cursor_topic){.partitions = partitions};
    snprintf(added->category, sizeof(added->category), STR_FMT, STR_ARG(category));
    snprintf(added->topic, sizeof(added->topic), "%s", topic);
    added->lanes = mem_calloc((size_t)partitions, sizeof(struct cursor_lane));
    for (int32_t i = 0; i < partitions; i++)
        added->lanes[i].offset.n = -1;
    return added;
}

enum lane_field { LANE_LAST, LANE_FLOOR, LANE_OFFSET };

static const struct {
    const char *name;
    int64_t absent; /* a field of all lanes at this value is not written */
} lane_fields[] = {
    [LANE_LAST] = {"last", INT64_MIN},
    [LANE_FLOOR] = {"floor", 0},
    [LANE_OFFSET] = {"offset", -1},
};

static int64_t *lane_value(struct cursor_lane *lane, enum lane_field field)
{
    switch (field) {
    case LANE_LAST:
        return &lane->last.n;
    case LANE_FLOOR:
        return &lane->floor.n;
    case LANE_OFFSET:
        break;
    }
    return &lane->offset.n;
}

static bool worth_writing(const struct cursor_topic *topic, enum lane_field field)
{
    for (int32_t i = 0; i < topic->partitions; i++)
        if (*lane_value(&topic->lanes[i], field) != lane_fields[field].absent)
            return true;
    return false;
}

static void write_lanes(const struct cursor_topic *topic, enum lane_field field, struct buf *out)
{
    if (!worth_writing(topic, field))
        return;
    json_write_key(out, lane_fields[field].name);
    buf_add_char(out, '[');
    for (int32_t i = 0; i < topic->partitions; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        buf_add_i64(out, *lane_value(&topic->lanes[i], field));
    }
    buf_add_char(out, ']');
}

void cursor_write(const struct cursor *cursor, struct buf *out)
{
    buf_add_cstr(out, "{\"log\":");
    json_write_cstr(out, cursor->log_id);
    buf_add_cstr(out, ",\"position\":");
    buf_add_i64(out, cursor->position.n);
    buf_add_cstr(out, ",\"event\":");
    json_write_cstr(out, cursor->event_id);
    buf_add_cstr(out, ",\"topics\":{");
    for (size_t i = 0; i < cursor->topics_count; i++) {
        const struct cursor_topic *topic = &cursor->topics[i];

        json_write_key(out, topic->category);
        buf_add_cstr(out, "{\"topic\":");
        json_write_cstr(out, topic->topic);
        write_lanes(topic, LANE_LAST, out);
        write_lanes(topic, LANE_FLOOR, out);
        write_lanes(topic, LANE_OFFSET, out);
        buf_add_char(out, '}');
    }
    buf_add_cstr(out, "}}");
}

/* Reading: it should be what we wrote, but it comes through a topic that others can write to. */

static bool malformed(struct error *err, const char *what)
{
    return error_set(err, ERROR_POISON, "bad-cursor", "malformed cursor: %s", what);
}

static bool read_text(const json_t *object, const char *key, char *out, size_t out_bytes)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL && (size_t)snprintf(out, out_bytes, "%s", text) < out_bytes;
}

static bool read_lanes(const json_t *object, enum lane_field field, struct cursor_topic *topic)
{
    const json_t *array = json_object_get(object, lane_fields[field].name);

    if (array == NULL)
        return field != LANE_LAST;
    if (json_array_size(array) != (size_t)topic->partitions)
        return false;
    for (int32_t i = 0; i < topic->partitions; i++) {
        const json_t *value = json_array_get(array, (size_t)i);

        if (!json_is_integer(value) || json_integer_value(value) < -1)
            return false;
        *lane_value(&topic->lanes[i], field) = json_integer_value(value);
    }
    return true;
}

static bool read_topic(const char *category, const json_t *value, struct cursor *cursor,
                       struct error *err)
{
    size_t partitions = json_array_size(json_object_get(value, "last"));
    char name[CURSOR_TOPIC_MAX];
    struct cursor_topic *topic;

    if (!cursor_is_category(str_of(category)) || !read_text(value, "topic", name, sizeof(name)))
        return malformed(err, "a topic without name");
    if (partitions == 0 || partitions > CURSOR_PARTITIONS_MAX)
        return malformed(err, "a topic without partitions");
    topic = cursor_add(cursor, str_of(category), name, (int32_t)partitions);
    if (!read_lanes(value, LANE_LAST, topic) || !read_lanes(value, LANE_FLOOR, topic) ||
        !read_lanes(value, LANE_OFFSET, topic))
        return malformed(err, "a topic's partitions");
    for (int32_t i = 0; i < topic->partitions; i++)
        if (topic->lanes[i].last.n < 0 || topic->lanes[i].last.n > cursor->position.n)
            return malformed(err, "an entry beyond its position");
    return true;
}

static bool read_cursor(json_t *root, struct cursor *cursor, struct error *err)
{
    json_t *position = json_object_get(root, "position");
    json_t *topics = json_object_get(root, "topics");
    const char *category;
    json_t *value;

    if (!read_text(root, "log", cursor->log_id, sizeof(cursor->log_id)) ||
        !read_text(root, "event", cursor->event_id, sizeof(cursor->event_id)))
        return malformed(err, "no log or event");
    if (!json_is_integer(position) || json_integer_value(position) < 0 || !json_is_object(topics))
        return malformed(err, "no position or topics");
    cursor->position = POSITION(json_integer_value(position));
    json_object_foreach(topics, category, value)
    {
        if (!read_topic(category, value, cursor, err))
            return false;
    }
    return true;
}

bool cursor_parse(struct str text, struct cursor *ret_cursor, struct error *err)
{
    SCOPED(json_decref) json_t *root = NULL;

    cursor_init(ret_cursor, "");
    if (!json_parse_stored(text, &root, err))
        return malformed(err, "not JSON");
    if (read_cursor(root, ret_cursor, err))
        return true;
    cursor_release(ret_cursor);
    return false;
}
