/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybook/client.h"

#include "base/arena.h"
#include "base/json.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_URL "http://127.0.0.1:8080"

enum {
    CONNECT_TIMEOUT_MS = 5000,
    TIMEOUT_MS = 60000,
    PROBLEM_BYTES_MAX = 64 << 10,
    SILENT_SECONDS = 60 /* heartbeats come each 15 s */
};

static const struct json_limits answer_limits = {
    .depth_max = 64, .values_max = 10000000, .string_bytes_max = CLIENT_BODY_BYTES_MAX};

static const char *address(const struct invocation *invocation)
{
    const char *url = invocation_option(invocation, "url");

    if (url == NULL)
        url = getenv("DAYBOOK_URL");
    return url != NULL && url[0] != '\0' ? url : DEFAULT_URL;
}

void client_escape(struct buf *out, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~";

    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL)
            buf_add_char(out, *text);
        else
            buf_printf(out, "%%%02X", (unsigned char)*text);
    }
}

static int status_of(long http_status)
{
    switch (http_status) {
    case 404:
        return EXIT_NOT_FOUND;
    case 409:
    case 412:
    case 424:
        return EXIT_CONFLICT;
    case 401:
    case 403:
        return EXIT_NOT_ALLOWED;
    case 400:
    case 413:
    case 414:
    case 422:
        return EXIT_USAGE;
    case 429:
    case 502:
    case 503:
    case 504:
        return EXIT_UNAVAILABLE;
    default:
        return EXIT_FAILED;
    }
}

static const char *member_text(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

static void add_errors(struct buf *line, json_t *errors)
{
    size_t index;
    json_t *error;

    json_array_foreach(errors, index, error)
    {
        const char *pointer = member_text(error, "pointer");

        buf_printf(line, "%s %s %s", index > 0 ? ";" : ":", pointer[0] != '\0' ? pointer : "body",
                   member_text(error, "message"));
    }
}

/* What a rule adds to its refusal: the first members that are no part of every problem. */
static void add_members(struct buf *line, json_t *problem)
{
    static const char *const names[] = {"state",  "allowed",  "shortages", "actual_version",
                                        "failed", "event_id", "version",   "failed_index"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *value = json_object_get(problem, names[i]);
        char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

        if (text != NULL)
            buf_printf(line, ", %s %s", names[i], text);
        free(text);
    }
}

/* One line: no byte of an answer may move a terminal's cursor. */
static void print_line(const struct invocation *invocation, struct buf *line)
{
    for (size_t i = 0; i < line->len; i++)
        if ((unsigned char)line->data[i] < ' ' || line->data[i] == 0x7f)
            line->data[i] = '?';
    fprintf(stderr, "%s: " STR_FMT "\n", invocation->program->name, STR_ARG(buf_str(line)));
}

static int complain_answer(const struct invocation *invocation, long http_status, struct str body)
{
    SCOPED(json_decref) json_t *problem = json_loadb(body.data, body.len, 0, NULL);
    SCOPED_VALUE(buf_release) struct buf line = BUF_INIT(PROBLEM_BYTES_MAX);
    const char *detail = member_text(problem, "detail");

    buf_printf(&line, "%s", detail[0] != '\0' ? detail : member_text(problem, "title"));
    if (line.len == 0)
        buf_printf(&line, "the server answered %ld", http_status);
    add_errors(&line, json_object_get(problem, "errors"));
    add_members(&line, problem);
    if (json_is_true(json_object_get(problem, "retryable")))
        buf_add_cstr(&line, ". The same may work later.");
    print_line(invocation, &line);
    return status_of(http_status);
}

static int complain_transfer(const struct invocation *invocation, CURLcode code, const char *detail)
{
    fprintf(stderr, "%s: no answer from %s: %s. %s\n", invocation->program->name,
            address(invocation), detail[0] != '\0' ? detail : curl_easy_strerror(code),
            "Give the address with --url or DAYBOOK_URL.");
    return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ? EXIT_USAGE
                                                                             : EXIT_UNAVAILABLE;
}

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
    struct buf *body = arg;

    buf_add(body, data, size * count);
    return body->failed ? 0 : size * count;
}

static struct curl_slist *headers_of(const struct client_request *request)
{
    struct curl_slist *list = curl_slist_append(
        NULL, request->accept != NULL ? request->accept : "Accept: application/json");

    if (request->body.len > 0)
        list = curl_slist_append(list, "Content-Type: application/json");
    for (size_t i = 0; i < CLIENT_HEADERS_MAX && request->headers[i] != NULL; i++)
        list = curl_slist_append(list, request->headers[i]);
    return list;
}

static void set_request(CURL *curl, const struct client_request *request)
{
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    if (strcmp(request->method, "GET") == 0)
        return;
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.len > 0 ? request->body.data : "");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
}

static CURLcode perform(CURL *curl, const char *url, const struct client_request *request,
                        char *detail)
{
    struct curl_slist *headers = headers_of(request);

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    set_request(curl, request);
    CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    return code;
}

static int take_answer(struct invocation *invocation, long http_status, struct str body,
                       struct str *ret_body)
{
    struct error err;

    if (http_status < 200 || http_status > 299)
        return complain_answer(invocation, http_status, body);
    if (!json_check(body, answer_limits, &err)) {
        error_wrap(&err, "the answer of %s is not Daybook's", address(invocation));
        program_complain(invocation->program, &err);
        return EXIT_FAILED;
    }
    *ret_body = arena_dup(invocation->arena, body);
    return EXIT_OK;
}

static struct str url_of(struct invocation *invocation, const struct client_request *request)
{
    return arena_printf(invocation->arena, "%s" STR_FMT, address(invocation),
                        STR_ARG(request->path));
}

int client_send(struct invocation *invocation, const struct client_request *request,
                struct str *ret_body)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CLIENT_BODY_BYTES_MAX);
    struct str url = url_of(invocation, request);
    char detail[CURL_ERROR_SIZE] = "";
    long http_status = 0;

    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return complain_transfer(invocation, CURLE_FAILED_INIT, "");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    CURLcode code = perform(curl, url.data, request, detail);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_cleanup(curl);
    if (code != CURLE_OK)
        return complain_transfer(invocation, code, detail);
    return take_answer(invocation, http_status, buf_str(&body), ret_body);
}

int client_get(struct invocation *invocation, struct str path, struct str *ret_body)
{
    struct client_request request = {.method = "GET", .path = path};

    return client_send(invocation, &request, ret_body);
}

/* An answer without an end. */

struct following {
    CURL *curl;
    client_take_fn take;
    void *arg;
    bool begun;          /* with 200 */
    struct buf *problem; /* the body of anything else */
};

static size_t take_following(char *data, size_t size, size_t count, void *arg)
{
    struct following *following = arg;
    long http_status = 0;

    curl_easy_getinfo(following->curl, CURLINFO_RESPONSE_CODE, &http_status);
    following->begun = http_status == 200;
    if (!following->begun)
        return take_body(data, size, count, following->problem);
    return following->take(following->arg, str_from(data, size * count)) ? size * count : 0;
}

int client_follow(struct invocation *invocation, const struct client_request *request,
                  client_take_fn take, void *arg)
{
    SCOPED_VALUE(buf_release) struct buf problem = BUF_INIT(PROBLEM_BYTES_MAX);
    struct str url = url_of(invocation, request);
    struct following following = {
        .curl = curl_easy_init(), .take = take, .arg = arg, .problem = &problem};
    char detail[CURL_ERROR_SIZE] = "";
    long http_status = 0;

    if (following.curl == NULL)
        return complain_transfer(invocation, CURLE_FAILED_INIT, "");
    curl_easy_setopt(following.curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(following.curl, CURLOPT_LOW_SPEED_TIME, (long)SILENT_SECONDS);
    curl_easy_setopt(following.curl, CURLOPT_WRITEFUNCTION, take_following);
    curl_easy_setopt(following.curl, CURLOPT_WRITEDATA, &following);
    CURLcode code = perform(following.curl, url.data, request, detail);
    curl_easy_getinfo(following.curl, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_cleanup(following.curl);
    if (following.begun)
        return EXIT_OK;
    if (code != CURLE_OK)
        return complain_transfer(invocation, code, detail);
    return complain_answer(invocation, http_status, buf_str(&problem));
}
