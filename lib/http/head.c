/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include <assert.h>

#define BAD(text) \
    { \
        .status = 400, .slug = "bad-request", .detail = (text) \
    }

static const struct http_refusal version_foreign = {505, "version-not-supported",
                                                    "only HTTP/1.1 and HTTP/1.0 are spoken here"};
static const struct http_refusal too_many_fields = {431, "headers-too-large",
                                                    "more than 100 header fields"};
static const struct http_refusal head_too_large = {431, "headers-too-large",
                                                   "the header is larger than 16 KiB"};
static const struct http_refusal target_too_long = {414, "uri-too-long",
                                                    "the target is longer than 8 KiB"};
static const struct http_refusal bad_name = BAD("a header field's name is no token");
static const struct http_refusal bad_value = BAD("a header field's value has a control character");
static const struct http_refusal no_host = BAD("an HTTP/1.1 request needs one Host field");
static const struct http_refusal many_hosts = BAD("more than one Host field");
static const struct http_refusal bad_host = BAD("the Host field is no host with an optional port");
static const struct http_refusal both_lengths = BAD("both Content-Length and Transfer-Encoding");
static const struct http_refusal many_lengths = BAD("more than one Content-Length field");
static const struct http_refusal bad_length =
    BAD("the Content-Length field is no plain number below 2^63");
static const struct http_refusal old_coding = BAD("Transfer-Encoding in an HTTP/1.0 request");
static const struct http_refusal bad_coding = BAD("Transfer-Encoding is not exactly 'chunked'");
static const struct http_refusal unknown_coding = {501, "not-implemented",
                                                   "no transfer coding but chunked is supported"};
static const struct http_refusal unknown_expectation = {417, "expectation-failed",
                                                        "the only expectation is 100-continue"};
static const struct http_refusal unknown_method = {501, "not-implemented",
                                                   "the method is not known here"};

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char(s.data[i]))
            return false;
    }
    return s.len > 0;
}

/* A tab is white space in values. */
static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

static bool is_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
    }
    return true;
}

bool http_method_from(struct str name, enum http_method *ret_method)
{
    static const struct {
        struct str name;
        enum http_method method;
    } known[] = {
        {STR_INIT("GET"), HTTP_GET},
        {STR_INIT("POST"), HTTP_POST},
        {STR_INIT("HEAD"), HTTP_HEAD},
        {STR_INIT("PATCH"), HTTP_PATCH},
        {STR_INIT("DELETE"), HTTP_DELETE},
        {STR_INIT("PUT"), HTTP_PUT},
        {STR_INIT("OPTIONS"), HTTP_OPTIONS},
        {STR_INIT("TRACE"), HTTP_OTHER_KNOWN},
        {STR_INIT("CONNECT"), HTTP_OTHER_KNOWN},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (str_equal(known[i].name, name)) {
            *ret_method = known[i].method;
            return true;
        }
    }
    return false;
}

struct str http_fields_find(const struct http_field *fields, size_t count, struct str name,
                            size_t *ret_count)
{
    struct str value = STR_NONE;
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (!str_equal_ignore_case(fields[i].name, name))
            continue;
        if (found++ == 0)
            value = fields[i].value;
    }
    if (ret_count != NULL)
        *ret_count = found;
    return value;
}

static struct str find(const struct http_head *head, struct str name, size_t *ret_count)
{
    return http_fields_find(head->fields, head->fields_count, name, ret_count);
}

static const struct http_refusal *check_limits(const struct http_head *head)
{
    if (head->fields_count > HEAD_FIELDS_MAX)
        return &too_many_fields;
    if (head->target.len > TARGET_BYTES_MAX)
        return &target_too_long;
    if (head->bytes > HEAD_BYTES_MAX)
        return &head_too_large;
    return NULL;
}

static const struct http_refusal *check_fields(const struct http_head *head)
{
    for (size_t i = 0; i < head->fields_count; i++) {
        if (!is_token(head->fields[i].name))
            return &bad_name;
        if (has_control(head->fields[i].value))
            return &bad_value;
    }
    return NULL;
}

static bool is_address(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (strchr("0123456789abcdefABCDEF:.%", s.data[i]) == NULL)
            return false;
    }
    return s.len > 0;
}

/* host [":" port]; what cannot be in a name is refused, the rest is the name service's business. */
static bool is_host(struct str value)
{
    bool bracketed = value.len > 0 && value.data[0] == '[';
    size_t end = bracketed ? str_index(value, ']') + 1 : str_index(value, ':');
    struct str port;

    if (end > value.len)
        return false;
    port = str_from(value.data + end, value.len - end);
    if (port.len > 0) {
        if (port.data[0] != ':')
            return false;
        port = str_from(port.data + 1, port.len - 1);
    }
    if (port.len > 5 || !is_digits(port))
        return false;
    return bracketed ? is_address(str_from(value.data + 1, end - 2))
                     : is_token(str_from(value.data, end));
}

static const struct http_refusal *check_host(const struct http_head *head, struct str *ret_host)
{
    size_t count;

    *ret_host = find(head, STR("Host"), &count);
    if (count > 1)
        return &many_hosts;
    if (count == 0)
        return str_equal(head->version, STR("HTTP/1.0")) ? NULL : &no_host;
    return is_host(*ret_host) ? NULL : &bad_host;
}

/* A list that ends in chunked, its other codings well-formed and none of them chunked again, is
 * what we do not implement; all else is what others may read otherwise. */
static const struct http_refusal *judge_codings(struct str codings)
{
    struct str last = codings;
    bool several = str_index(codings, ',') < codings.len;

    while (str_index(last, ',') < last.len) {
        struct str coding = str_trim(str_split(last, ',', &last));

        if (!is_token(coding) || str_equal_ignore_case(coding, STR("chunked")) ||
            str_equal_ignore_case(coding, STR("identity")))
            return &bad_coding;
    }
    last = str_trim(last);
    return several && str_equal_ignore_case(last, STR("chunked")) ? &unknown_coding : &bad_coding;
}

static const struct http_refusal *check_framing(const struct http_head *head,
                                                struct http_head_facts *facts)
{
    size_t lengths;
    size_t codings;
    struct str length = find(head, STR("Content-Length"), &lengths);
    struct str coding = find(head, STR("Transfer-Encoding"), &codings);

    if (codings > 0 && lengths > 0)
        return &both_lengths;
    if (lengths > 1)
        return &many_lengths;
    if (lengths == 1 && !str_to_u64(length, INT64_MAX, &facts->content_length))
        return &bad_length;
    if (codings == 0)
        return NULL;
    if (str_equal(head->version, STR("HTTP/1.0")))
        return &old_coding;
    if (codings > 1)
        return &bad_coding;
    if (!str_equal_ignore_case(coding, STR("chunked")))
        return judge_codings(coding);
    facts->chunked = true;
    return NULL;
}

static const struct http_refusal *check_expect(const struct http_head *head)
{
    size_t count;
    struct str value = find(head, STR("Expect"), &count);

    if (count == 0 || (count == 1 && str_equal_ignore_case(value, STR("100-continue"))))
        return NULL;
    return &unknown_expectation;
}

const struct http_refusal *http_head_check(const struct http_head *head,
                                           struct http_head_facts *ret_facts)
{
    const struct http_refusal *refusal;
    struct str host;

    *ret_facts = (struct http_head_facts){.method = HTTP_OTHER_KNOWN, .path = head->target};

    if (!str_equal(head->version, STR("HTTP/1.1")) && !str_equal(head->version, STR("HTTP/1.0")))
        return &version_foreign;
    if ((refusal = check_limits(head)) != NULL)
        return refusal;
    if ((refusal = check_fields(head)) != NULL)
        return refusal;
    if ((refusal = check_host(head, &host)) != NULL)
        return refusal;
    if ((refusal = check_framing(head, ret_facts)) != NULL)
        return refusal;
    if ((refusal = check_expect(head)) != NULL)
        return refusal;
    if (!http_method_from(head->method, &ret_facts->method))
        return &unknown_method;
    return http_target_split(head->target, head->method, host, &ret_facts->path, &ret_facts->query);
}
