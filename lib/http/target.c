/* SPDX-License-Identifier: Apache-2.0 */
/* What a request asks for, and the ways of writing it that two readers may resolve differently. */
#include <assert.h>

#include "http/head.h"
#include "http/unescape.h"

#define BAD(text) \
    { \
        .status = 400, .slug = "bad-request", .detail = (text) \
    }

static const struct http_refusal bad_byte =
    BAD("the target has a control, a blank, a '#' or a byte beyond ASCII");
static const struct http_refusal bad_form = BAD("the target is no path");
static const struct http_refusal other_host = BAD("the target names another host than Host");
static const struct http_refusal bad_escape =
    BAD("the path has a '%' without two hexadecimal digits, or %00");
static const struct http_refusal bad_text = BAD("the path is no UTF-8");
static const struct http_refusal backslash = BAD("the path has a backslash");
static const struct http_refusal empty_segment = BAD("the path has '//'");
static const struct http_refusal dot_segment = BAD("the path has '.' or '..' as a segment");

static bool has_bad_byte(struct str target)
{
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.data[i];

        if (c <= ' ' || c >= 0x7f || c == '#')
            return true;
    }
    return false;
}

static struct str skip(struct str s, size_t bytes)
{
    return str_from(s.data + bytes, s.len - bytes);
}

/* As far as the first '/' or '?'. */
static size_t authority_len(struct str s)
{
    size_t slash = str_index(s, '/');
    size_t question = str_index(s, '?');

    return slash < question ? slash : question;
}

/* "http://host/path" becomes "/path". */
static const struct http_refusal *cut_authority(struct str *target, struct str host)
{
    static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://")};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        struct str scheme = schemes[i];
        struct str rest;
        size_t len;

        if (target->len < scheme.len ||
            !str_equal_ignore_case(str_from(target->data, scheme.len), scheme))
            continue;
        rest = skip(*target, scheme.len);
        len = authority_len(rest);
        if (!str_equal_ignore_case(str_from(rest.data, len), host))
            return &other_host;
        *target = skip(rest, len);
        return NULL;
    }
    return &bad_form;
}

static const struct http_refusal *check_segments(struct str path)
{
    struct str rest = skip(path, 1);

    while (rest.len > 0) {
        size_t len = str_index(rest, '/');
        struct str segment = str_from(rest.data, len);

        if (len == 0)
            return &empty_segment;
        if (str_equal(segment, STR(".")) || str_equal(segment, STR("..")))
            return &dot_segment;
        rest = skip(rest, len < rest.len ? len + 1 : len);
    }
    return NULL;
}

/* Judged as it reads decoded, for that is what a second reader may see. */
static const struct http_refusal *check_path(struct str raw)
{
    char decoded[TARGET_BYTES_MAX];
    struct str path = raw;
    size_t len;

    assert(raw.len <= sizeof(decoded));

    if (str_index(raw, '%') < raw.len) {
        if (!http_unescape_into(raw, false, decoded, &len))
            return &bad_escape;
        path = str_from(decoded, len);
        if (!str_is_utf8(path, NULL))
            return &bad_text;
    }
    if (str_index(path, '\\') < path.len)
        return &backslash;
    return check_segments(path);
}

const struct http_refusal *http_target_split(struct str target, struct str method, struct str host,
                                             struct str *ret_path, struct str *ret_query)
{
    const struct http_refusal *refusal;
    size_t end;

    *ret_path = target;
    *ret_query = STR_NONE;

    if (has_bad_byte(target) || target.len == 0)
        return &bad_byte;
    if (str_equal(method, STR("CONNECT")))
        return NULL; /* an authority; nobody takes it */
    if (str_equal(method, STR("OPTIONS")) && str_equal(target, STR("*")))
        return NULL;
    if (target.data[0] != '/' && (refusal = cut_authority(&target, host)) != NULL)
        return refusal;

    end = str_index(target, '?');
    *ret_path = end > 0 ? str_from(target.data, end) : STR("/");
    if (end < target.len)
        *ret_query = skip(target, end + 1);
    return check_path(*ret_path);
}
