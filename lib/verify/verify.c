/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify.h"
#include "verify/verify_internal.h"

#include "base/buf.h"
#include "eventlog/read.h"
#include "kafka/partition.h"

#include <assert.h>
#include <string.h>

uint64_t verify_drift(const struct verify_report *report)
{
    uint64_t drift = 0;

    for (int kind = 0; kind < FINDING_KINDS; kind++)
        if (finding_is_drift((enum finding_kind)kind))
            drift += report->counts[kind];
    return drift;
}

void verify_write_counts(const struct verify_report *report, struct buf *out)
{
    for (int kind = 0; kind < FINDING_KINDS; kind++)
        buf_printf(out, "%s%s %llu", kind > 0 ? ", " : "",
                   finding_kind_name((enum finding_kind)kind),
                   (unsigned long long)report->counts[kind]);
}

void verifier_found(struct verifier *v, const struct finding *finding)
{
    v->report->counts[finding->kind]++;
    v->config->found(v->config->arg, finding);
}

bool verifier_go_on(struct verifier *v, const char *doing, int64_t done, int64_t total,
                    struct error *err)
{
    struct verify_progress progress = {doing, done, total};

    if (!v->config->go_on || v->config->go_on(v->config->arg, &progress))
        return true;
    return error_set(err, ERROR_REFUSED, "cancelled", "stopped before everything was looked at");
}

const struct cursor_topic *verifier_topic(const struct verifier *v, struct str stream)
{
    char category[CURSOR_CATEGORY_MAX + 1];

    return cursor_find(&v->cursor, cursor_category(stream, category));
}

int32_t verifier_partition(const struct verifier *v, struct str tenant, struct str stream)
{
    const struct cursor_topic *topic = verifier_topic(v, stream);
    char key[NAME_TENANT_MAX + 1 + NAME_STREAM_MAX];
    size_t len = tenant.len;

    if (!topic)
        return -1;
    assert(tenant.len <= NAME_TENANT_MAX && stream.len <= NAME_STREAM_MAX);
    memcpy(key, tenant.data, len);
    key[len++] = '/';
    memcpy(key + len, stream.data, stream.len);
    return kafka_partition_of(str_from(key, len + stream.len), topic->partitions);
}

static bool verify_log_and_topics(struct verifier *v, struct error *err)
{
    SCOPED(topic_check_free) struct topic_check *topics = NULL;
    struct log_pass pass = {.check = v->config->parts & VERIFY_LOG, .doing = "log"};

    if (v->config->parts & VERIFY_TOPICS) {
        if (!topic_check_new(v, &topics, err))
            return false;
        pass.topics = topics;
        pass.doing = pass.check ? "log and topics" : "topics";
    }
    if (!pass.check && !pass.topics)
        return true;
    return verify_log_pass(v, &pass, POSITION(0), v->head, err) &&
           (!pass.topics || topic_check_end(topics, err)) &&
           (!pass.check || verify_streams(v, err));
}

static bool verify_model(struct verifier *v, const struct projection *projection, struct error *err)
{
    switch (projection->kind) {
    case PROJECTION_BY_STREAM:
        return verify_rows(v, projection, err);
    case PROJECTION_ROLL_UP:
        return verify_sums(v, projection, err);
    case PROJECTION_SQL:
        return verify_sql(v, projection, err);
    }
    assert(!"a kind of projection");
    return false;
}

static bool verify_models(struct verifier *v, struct error *err)
{
    for (size_t i = 0; v->config->projections[i]; i++)
        if (!verify_model(v, v->config->projections[i], err))
            return error_wrap(err, "verify projection '%s'", v->config->projections[i]->name);
    return true;
}

static bool verify_all(struct verifier *v, struct error *err)
{
    bool published;

    if (!pg_open(v->conn, err) || !log_identity_load(v->conn, &v->identity, err) ||
        !cursor_load(v->conn, &v->cursor, &published, err) ||
        !log_read_head(v->conn, &v->head, err))
        return false;
    /* A cursor of a log that was accepted to be another says nothing of this one. */
    if (!published || strcmp(v->cursor.log_id, v->identity.id) != 0) {
        cursor_release(&v->cursor);
        cursor_init(&v->cursor, v->identity.id);
    }
    v->report->head = v->head;
    return verify_log_and_topics(v, err) &&
           (!(v->config->parts & VERIFY_MODELS) || verify_models(v, err));
}

bool verify_run(const struct verify_config *config, struct verify_report *ret_report,
                struct error *err)
{
    SCOPED(pg_free) struct pg_conn *conn = pg_new(&config->postgres, PG_PROFILE_BATCH);
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct verifier v = {.config = config, .report = ret_report, .conn = conn, .arena = arena};
    bool ok;

    assert(config->keys_max > 0);
    *ret_report = (struct verify_report){0};
    cursor_init(&v.cursor, "");
    ok = verify_all(&v, err);
    cursor_release(&v.cursor);
    return ok;
}
