/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "postgres/pg_internal.h"

#include <assert.h>
#include <string.h>

enum { KEYWORDS_MAX = 64 }; /* libpq 15 knows 41 */

struct pg_dsn {
    size_t count;
    const char *keywords[KEYWORDS_MAX + 1]; /* of OPTIONS, or literals; NULL ends them */
    const char *values[KEYWORDS_MAX + 1];   /* copies */
    PQconninfoOption *options;
};

static bool refuse(struct error *err, const char *what)
{
    error_set(err, ERROR_REFUSED, "", "postgres.url %s", what);
    return error_hint(err, "Write postgresql://user:password@host:port/database, with / @ : ? # "
                           "of a password percent-encoded, or key=value pairs.");
}

static ssize_t find_keyword(const struct pg_dsn *dsn, const char *keyword)
{
    for (size_t i = 0; i < dsn->count; i++)
        if (strcmp(dsn->keywords[i], keyword) == 0)
            return (ssize_t)i;
    return -1;
}

static const char *find_value(const struct pg_dsn *dsn, const char *keyword)
{
    ssize_t at = find_keyword(dsn, keyword);

    return at < 0 ? "" : dsn->values[at];
}

void pg_dsn_set(struct pg_dsn *dsn, const char *keyword, const char *value)
{
    ssize_t at = find_keyword(dsn, keyword);

    if (at >= 0) {
        mem_free((void *)(uintptr_t)dsn->values[at]);
        dsn->values[at] = mem_strdup(value);
        return;
    }
    assert(dsn->count < KEYWORDS_MAX);
    dsn->keywords[dsn->count] = keyword;
    dsn->values[dsn->count++] = mem_strdup(value);
}

void pg_dsn_preset(struct pg_dsn *dsn, const char *keyword, const char *value)
{
    if (find_keyword(dsn, keyword) < 0)
        pg_dsn_set(dsn, keyword, value);
}

/*
 * A password with a bare '/' or '@' spills into host or port, and libpq's messages name those.
 * An '@' in front is an abstract socket's.
 */
static bool check_places(const struct pg_dsn *dsn, struct error *err)
{
    const char *port = find_value(dsn, "port");
    struct str hosts = str_of(find_value(dsn, "host"));

    if (port[strspn(port, "0123456789,")] != '\0')
        return refuse(err, "names a port that is no number");
    while (hosts.len > 0) {
        struct str host = str_split(hosts, ',', &hosts);

        if (host.len > 0 && str_index(str_from(host.data + 1, host.len - 1), '@') < host.len - 1)
            return refuse(err, "has an '@' in a host's name");
    }
    return true;
}

bool pg_dsn_parse(const char *url, struct pg_dsn **ret_dsn, struct error *err)
{
    SCOPED(pg_dsn_free) struct pg_dsn *dsn = mem_zalloc(sizeof(*dsn));
    char *message = NULL;

    dsn->options = PQconninfoParse(url, &message);
    PQfreemem(message);
    if (!dsn->options)
        return refuse(err, "is not a connection string");

    for (const PQconninfoOption *option = dsn->options; option->keyword; option++)
        if (option->val)
            pg_dsn_set(dsn, option->keyword, option->val);
    if (!check_places(dsn, err))
        return false;
    *ret_dsn = TAKE(dsn);
    return true;
}

void pg_dsn_free(struct pg_dsn *dsn)
{
    if (!dsn)
        return;
    for (size_t i = 0; i < dsn->count; i++)
        mem_free((void *)(uintptr_t)dsn->values[i]);
    PQconninfoFree(dsn->options);
    mem_free(dsn);
}

static unsigned items_of(struct str list)
{
    unsigned count = list.len > 0 ? 1 : 0;

    for (size_t i = 0; i < list.len; i++)
        count += list.data[i] == ',';
    return count;
}

unsigned pg_dsn_hosts(const struct pg_dsn *dsn)
{
    unsigned hosts = items_of(str_of(find_value(dsn, "host")));
    unsigned addresses = items_of(str_of(find_value(dsn, "hostaddr")));

    return hosts > addresses ? hosts : addresses;
}

/* "a,b,c" by 1 is "b,c,a"; a list of one (a port for all hosts) stays. */
static void rotate_list(struct pg_dsn *dsn, const char *keyword, unsigned by)
{
    struct str list = str_of(find_value(dsn, keyword));
    SCOPED_VALUE(buf_release) struct buf rotated = BUF_INIT(list.len + 1);
    struct str rest = list;

    if (items_of(list) < 2)
        return;
    for (unsigned i = 0; i < by; i++)
        str_split(rest, ',', &rest);
    buf_add_str(&rotated, rest);
    buf_add_char(&rotated, ',');
    buf_add(&rotated, list.data, list.len - rest.len);
    assert(!rotated.failed && rotated.len == list.len + 1);
    rotated.data[list.len] = '\0'; /* the comma that was between the two parts */
    pg_dsn_set(dsn, keyword, rotated.data);
}

void pg_dsn_rotate(struct pg_dsn *dsn, unsigned first)
{
    if (first == 0)
        return;
    assert(first < pg_dsn_hosts(dsn));

    rotate_list(dsn, "host", first);
    rotate_list(dsn, "hostaddr", first);
    rotate_list(dsn, "port", first);
}

const char *const *pg_dsn_keywords(const struct pg_dsn *dsn)
{
    return dsn->keywords;
}

const char *const *pg_dsn_values(const struct pg_dsn *dsn)
{
    return dsn->values;
}
