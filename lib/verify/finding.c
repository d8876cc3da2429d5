/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/finding.h"

#include "base/buf.h"
#include "base/json.h"

#include <stddef.h>

static const char *const kind_names[FINDING_KINDS] = {
    [FINDING_LOST] = "lost",       [FINDING_DOUBLED] = "doubled", [FINDING_REORDERED] = "reordered",
    [FINDING_DRIFTED] = "drifted", [FINDING_FOREIGN] = "foreign", [FINDING_PARKED] = "parked",
};

static const struct {
    enum verify_part part;
    const char *name;
} parts[] = {{VERIFY_LOG, "log"}, {VERIFY_TOPICS, "topics"}, {VERIFY_MODELS, "models"}};

const char *finding_kind_name(enum finding_kind kind)
{
    return kind_names[kind];
}

bool finding_kind_parse(struct str name, enum finding_kind *ret)
{
    for (int kind = 0; kind < FINDING_KINDS; kind++) {
        if (!str_equal(str_of(kind_names[kind]), name))
            continue;
        *ret = (enum finding_kind)kind;
        return true;
    }
    return false;
}

bool finding_is_drift(enum finding_kind kind)
{
    return kind != FINDING_FOREIGN && kind != FINDING_PARKED;
}

const char *verify_part_name(enum verify_part part)
{
    size_t i = 0;

    while (parts[i].part != part)
        i++;
    return parts[i].name;
}

bool verify_part_parse(struct str name, enum verify_part *ret)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!str_equal(str_of(parts[i].name), name))
            continue;
        *ret = parts[i].part;
        return true;
    }
    return false;
}

static void add_text(struct buf *out, const char *key, struct str value)
{
    if (value.len > 0)
        json_add_str(out, key, value);
}

void finding_write_json(const struct finding *finding, struct buf *out)
{
    buf_add_char(out, '{');
    json_add_str(out, "kind", str_of(finding_kind_name(finding->kind)));
    json_add_str(out, "in", str_of(verify_part_name(finding->part)));
    add_text(out, "name", finding->name);
    if (finding->partition >= 0)
        json_add_i64(out, "partition", finding->partition);
    add_text(out, "tenant", finding->tenant);
    add_text(out, "key", finding->key);
    if (finding->version.n > 0)
        json_add_i64(out, "version", finding->version.n);
    if (finding->position.n > 0)
        json_add_i64(out, "position", finding->position.n);
    add_text(out, "text", finding->text);
    buf_add_char(out, '}');
}
