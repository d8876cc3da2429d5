/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <string.h>

void json_written_open(struct json_written *written, struct str text)
{
    *written =
        (struct json_written){.begin = text.data, .at = text.data, .end = text.data + text.len};
}

bool json_written_take(struct json_written *written, struct str literal)
{
    if ((size_t)(written->end - written->at) < literal.len ||
        memcmp(written->at, literal.data, literal.len) != 0)
        return false;
    written->at += literal.len;
    return true;
}

/* With the comma where json_write_key() puts one. */
bool json_written_key(struct json_written *written, struct str key)
{
    const char *at = written->at;

    if (at == written->begin)
        return false;
    if (at[-1] != '{' && at[-1] != '[' && (at == written->end || *at++ != ','))
        return false;
    if ((size_t)(written->end - at) < key.len + 3 || at[0] != '"' ||
        memcmp(at + 1, key.data, key.len) != 0 || at[key.len + 1] != '"' || at[key.len + 2] != ':')
        return false;
    written->at = at + key.len + 3;
    return true;
}

bool json_written_str(struct json_written *written, struct str key, struct str *ret)
{
    const char *first;
    const char *at;

    if (!json_written_key(written, key) || !json_written_take(written, STR("\"")))
        return false;
    first = at = written->at;
    while (at < written->end && *at >= 0x20 && *at < 0x7F && *at != '"' && *at != '\\')
        at++;
    if (at == written->end || *at != '"')
        return false;
    *ret = str_from(first, (size_t)(at - first));
    written->at = at + 1;
    return true;
}

bool json_written_i64(struct json_written *written, struct str key, int64_t *ret)
{
    const char *at;

    if (!json_written_key(written, key))
        return false;
    at = written->at;
    while (at < written->end && (*at == '-' || (*at >= '0' && *at <= '9')))
        at++;
    if (!str_to_i64(str_from(written->at, (size_t)(at - written->at)), ret))
        return false;
    written->at = at;
    return true;
}

bool json_written_ends(const struct json_written *written)
{
    return written->at == written->end;
}
