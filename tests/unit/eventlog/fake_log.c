/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/eventlog/fake_log.h"

#include "base/mem.h"
#include "base/name.h"
#include "tests/support/accounts.h"
#include "tests/unit/eventlog/fake_snapshots.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 10000 };

struct fake_log *fake_log_new(void)
{
    struct fake_log *log = mem_zalloc(sizeof(*log));

    log->next_stream_id = 1;
    return log;
}

void fake_log_free(struct fake_log *log)
{
    for (size_t i = 0; i < log->streams_count; i++) {
        mem_free(log->streams[i].tenant);
        mem_free(log->streams[i].name);
    }
    for (size_t i = 0; i < log->events_count; i++) {
        mem_free(log->events[i].id);
        mem_free(log->events[i].type);
        mem_free(log->events[i].data);
    }
    for (size_t i = 0; i < log->answers_count; i++) {
        mem_free(log->answers[i].key);
        mem_free(log->answers[i].hash);
        mem_free(log->answers[i].headers);
        mem_free(log->answers[i].body);
    }
    for (size_t i = 0; i < log->categories_count; i++)
        mem_free(log->categories[i]);
    fake_snapshots_release(log);
    mem_free(log->streams);
    mem_free(log->events);
    mem_free(log->answers);
    mem_free(log->categories);
    mem_free(log);
}

static struct fake_stream *find_stream(const struct fake_log *log, struct str tenant,
                                       struct str name)
{
    for (size_t i = 0; i < log->streams_count; i++) {
        if (str_equal(str_of(log->streams[i].name), name) &&
            str_equal(str_of(log->streams[i].tenant), tenant))
            return &log->streams[i];
    }
    return NULL;
}

struct fake_stream *fake_log_stream(const struct fake_log *log, const char *name)
{
    return find_stream(log, STR("main"), str_of(name));
}

static struct fake_stream *stream_by_id(const struct fake_log *log, int64_t id)
{
    for (size_t i = 0; i < log->streams_count; i++) {
        if (log->streams[i].id == id)
            return &log->streams[i];
    }
    return NULL;
}

static struct fake_stream *get_stream(const struct fake_log *log, int64_t id)
{
    struct fake_stream *s = stream_by_id(log, id);

    if (s == NULL)
        ck_abort_msg("there is no stream with id %lld", (long long)id);
    return s;
}

const struct fake_event *fake_log_event(const struct fake_log *log, const char *stream,
                                        int64_t version)
{
    const struct fake_stream *s = fake_log_stream(log, stream);

    for (size_t i = 0; s != NULL && i < log->events_count; i++) {
        if (log->events[i].stream_id == s->id && log->events[i].version == version)
            return &log->events[i];
    }
    return NULL;
}

static void add_event(struct fake_log *log, int64_t stream_id, int64_t version,
                      int64_t recorded_at_us, struct str id, struct str type, struct str data)
{
    struct fake_stream *s = get_stream(log, stream_id);

    ck_assert_int_eq(version, s->version + 1); /* unique (stream_id, version), and no gap */
    log->events = mem_grow(log->events, &log->events_capacity, log->events_count + 1,
                           sizeof(struct fake_event));
    log->events[log->events_count++] = (struct fake_event){
        stream_id,           version, recorded_at_us, mem_strdup_str(id), mem_strdup_str(type),
        mem_strdup_str(data)};
    s->version = version;
    s->last_position = (int64_t)log->events_count;
}

static struct fake_stream *add_stream(struct fake_log *log, int64_t id, struct str tenant,
                                      struct str name)
{
    ck_assert_ptr_null(find_stream(log, tenant, name)); /* unique (tenant, name) */
    ck_assert_ptr_null(stream_by_id(log, id));          /* primary key */
    log->streams = mem_grow(log->streams, &log->streams_capacity, log->streams_count + 1,
                            sizeof(struct fake_stream));
    log->streams[log->streams_count] = (struct fake_stream){
        .id = id,
        .tenant = mem_strdup_str(tenant),
        .name = mem_strdup_str(name),
        .first_position = (int64_t)log->events_count + 1,
    };
    return &log->streams[log->streams_count++];
}

void fake_log_append(struct fake_log *log, const char *stream, const char *type, const char *data,
                     const char *id)
{
    struct fake_stream *s = fake_log_stream(log, stream);
    char made[32];

    ck_assert_ptr_null(log->locked_by);
    snprintf(made, sizeof(made), "other-%zu", log->events_count);
    if (s == NULL) {
        s = add_stream(log, log->next_stream_id, STR("main"), str_of(stream));
        log->next_stream_id += STREAM_IDS_BLOCK;
    }
    add_event(log, s->id, s->version + 1, 0, str_of(id != NULL ? id : made), str_of(type),
              str_of(data));
}

void fake_log_answer(struct fake_log *log, const char *key, const char *hash, const char *body)
{
    log->answers = mem_grow(log->answers, &log->answers_capacity, log->answers_count + 1,
                            sizeof(struct fake_answer));
    log->answers[log->answers_count++] = (struct fake_answer){
        mem_strdup(key), mem_strdup(hash), 201, mem_strdup(""), mem_strdup(body)};
}

void fake_log_category(struct fake_log *log, const char *name)
{
    for (size_t i = 0; i < log->categories_count; i++) {
        if (strcmp(log->categories[i], name) == 0)
            return;
    }
    log->categories = mem_grow(log->categories, &log->categories_capacity,
                               log->categories_count + 1, sizeof(char *));
    log->categories[log->categories_count++] = mem_strdup(name);
}

static struct core_stream_row row_of(const struct fake_stream *s)
{
    if (s == NULL)
        return (struct core_stream_row){0};
    return (struct core_stream_row){s->id, VERSION(s->version), POSITION(s->first_position),
                                    POSITION(s->last_position)};
}

static void look_up_streams(struct fake_session *session, const struct core_lookups *l)
{
    for (size_t i = 0; i < l->known_count; i++) {
        const struct fake_stream *s = stream_by_id(session->log, l->known[i].stream_id);
        struct core_stream_row row = row_of(s);

        if (s == NULL || s->version != l->known[i].version.n)
            core_moved(session->core, i, &row);
    }
    for (size_t i = 0; i < l->names_count; i++) {
        const struct fake_stream *s =
            find_stream(session->log, l->names[i].tenant, l->names[i].name);
        struct core_stream_row row = row_of(s);

        if (s != NULL)
            core_found(session->core, i, &row);
    }
}

static void look_up_keys(struct fake_session *session, const struct core_lookups *l)
{
    const struct fake_log *log = session->log;

    for (size_t i = 0; i < l->keys_count; i++) {
        for (size_t j = 0; j < log->answers_count; j++) {
            const struct fake_answer *a = &log->answers[j];
            struct stored_answer answer = {a->status, str_of(a->headers), str_of(a->body)};

            if (str_equal(str_of(a->key), l->keys[i].key))
                core_key_found(session->core, i, str_of(a->hash), &answer);
        }
    }
    for (size_t i = 0; i < l->event_ids_count; i++) {
        for (size_t j = 0; j < log->events_count; j++) {
            const struct fake_event *e = &log->events[j];

            if (e->stream_id == l->event_ids[i].stream_id &&
                str_equal(str_of(e->id), l->event_ids[i].id))
                core_event_id_found(session->core, i, VERSION(e->version),
                                    POSITION((int64_t)j + 1));
        }
    }
}

static void look(struct fake_session *session)
{
    struct fake_log *log = session->log;
    const struct core_lookups *l = core_lookups(session->core);

    if (l->lock) {
        ck_assert_ptr_null(log->locked_by);
        log->locked_by = session;
        core_head(session->core, POSITION((int64_t)log->events_count), session->now_ms * 1000);
    }
    look_up_streams(session, l);
    look_up_keys(session, l);
    if (l->keys_count + l->event_ids_count + l->known_count > 0)
        ck_assert_ptr_eq(log->locked_by, session); /* else the answer could be stale */
    for (size_t i = 0; l->categories && i < log->categories_count; i++)
        core_category(session->core, str_of(log->categories[i]));
    for (size_t i = 0; i < l->id_blocks; i++) {
        core_id_block(session->core, log->next_stream_id);
        log->next_stream_id += STREAM_IDS_BLOCK;
    }
}

/* Returns the version behind which events are to be loaded. */
static int64_t load_snapshot(struct fake_session *session, size_t i, const struct core_load *load)
{
    const struct fake_snapshot *s = fake_snapshots_find(session->log, load);
    struct core_snapshot_row row;

    if (s == NULL)
        return load->after.n;
    row = (struct core_snapshot_row){VERSION(s->version), POSITION(s->position), s->recorded_at_us,
                                     s->hash, str_of(s->state)};
    core_snapshot_loaded(session->core, i, &row);
    session->loaded_snapshots++;
    return s->version;
}

static void load(struct fake_session *session)
{
    const struct fake_log *log = session->log;
    size_t count;
    const struct core_load *loads = core_loads(session->core, &count);
    size_t rows = 0;

    for (size_t i = 0; i < count && rows < CORE_LOAD_EVENTS_MAX; i++) {
        int64_t after = load_snapshot(session, i, &loads[i]);

        rows += after > loads[i].after.n;
        for (size_t j = 0; j < log->events_count && rows < CORE_LOAD_EVENTS_MAX; j++) {
            const struct fake_event *e = &log->events[j];
            struct core_event_row row = {VERSION(e->version), e->recorded_at_us, 0,
                                         str_of(e->id),       str_of(e->type),   str_of(e->data)};

            if (e->stream_id != loads[i].stream_id || e->version <= after ||
                e->version > loads[i].up_to.n)
                continue;
            core_loaded(session->core, i, &row);
            session->loaded_events++;
            rows++;
        }
    }
}

static bool has_poison(const struct core_commit *c)
{
    for (size_t i = 0; i < c->events_count; i++) {
        if (str_equal(c->events[i].type, STR("Poison")))
            return true;
    }
    return false;
}

static void commit_streams(struct fake_log *log, const struct core_commit *c,
                           int64_t recorded_at_us)
{
    for (size_t i = 0; i < c->new_streams_count; i++)
        ck_assert_int_eq(
            add_stream(log, c->new_streams[i].id, c->new_streams[i].tenant, c->new_streams[i].name)
                ->version,
            0);
    for (size_t i = 0; i < c->events_count; i++) {
        const struct core_new_event *e = &c->events[i];

        ck_assert_uint_gt(e->id.len, 0);
        add_event(log, e->stream_id, e->version.n, recorded_at_us, e->id, e->type, e->data);
    }
    for (size_t i = 0; i < c->new_streams_count; i++) {
        struct fake_stream *s = get_stream(log, c->new_streams[i].id);

        s->first_position = c->new_streams[i].first_position.n;
        ck_assert_int_eq(s->version, c->new_streams[i].version.n);
        ck_assert_int_eq(s->last_position, c->new_streams[i].last_position.n);
    }
    for (size_t i = 0; i < c->moved_streams_count; i++) {
        struct fake_stream *s = get_stream(log, c->moved_streams[i].id);

        ck_assert_int_eq(s->version, c->moved_streams[i].version.n);
        ck_assert_int_eq(s->last_position, c->moved_streams[i].last_position.n);
    }
}

static void commit(struct fake_session *session)
{
    struct fake_log *log = session->log;
    const struct core_commit *c = core_commit(session->core);

    ck_assert_int_eq(c->base.n, (int64_t)log->events_count); /* positions follow, without gaps */
    commit_streams(log, c, c->at_once ? session->now_ms * 1000 : c->recorded_at_us);
    for (size_t i = 0; i < c->categories_count; i++) {
        char *name = mem_strdup_str(c->categories[i]);

        fake_log_category(log, name);
        mem_free(name);
    }
    for (size_t i = 0; i < c->answers_count; i++) {
        char *key = mem_strdup_str(c->answers[i].key.key);
        char *hash = mem_strdup_str(c->answers[i].hash);
        char *body = mem_strdup_str(c->answers[i].answer->body);

        for (size_t j = 0; j < log->answers_count; j++)
            ck_assert_str_ne(log->answers[j].key, key);
        fake_log_answer(log, key, hash, body);
        mem_free(key);
        mem_free(hash);
        mem_free(body);
    }
    log->commits++;
}

/* What head_take.sql and the unique names do. */
static bool is_overtaken(const struct fake_session *session, const struct core_commit *c)
{
    if (c->base.n != (int64_t)session->log->events_count)
        return true;
    for (size_t i = 0; i < c->new_streams_count; i++) {
        if (find_stream(session->log, c->new_streams[i].tenant, c->new_streams[i].name) != NULL)
            return true;
    }
    return false;
}

static void commit_at_once(struct fake_session *session)
{
    if (is_overtaken(session, core_commit(session->core))) {
        core_overtaken(session->core);
        return;
    }
    core_recorded(session->core, session->now_ms * 1000);
    commit(session);
}

static void probe(struct fake_session *session)
{
    const struct fake_log *log = session->log;
    const struct core_doubt *doubt = core_doubt(session->core);

    for (size_t i = 0; i < doubt->events_count; i++) {
        size_t at = (size_t)doubt->base.n + i;

        if (at < log->events_count)
            core_probed(session->core, POSITION((int64_t)at + 1), log->events[at].stream_id,
                        VERSION(log->events[at].version), str_of(log->events[at].id));
    }
}

static void unlock(struct fake_session *session)
{
    if (session->log->locked_by == session)
        session->log->locked_by = NULL;
}

static void lose_connection(struct fake_session *session)
{
    unlock(session);
    session->open = false;
}

static void fail_step(struct fake_session *session, enum core_step step, enum fake_fault fault)
{
    struct error err;
    bool lost = fault == FAULT_LOST || fault == FAULT_ANSWER_LOST;

    error_set(&err, ERROR_TRANSIENT, "", "a fault of the test");
    if (fault == FAULT_DATA)
        err.class = ERROR_POISON;
    if (fault == FAULT_FATAL)
        err.class = ERROR_FATAL;
    err.outcome_unknown = lost && step == CORE_COMMIT;
    if (lost)
        lose_connection(session);
    unlock(session);
    core_failed(session->core, &err, session->now_ms, 0);
}

static void fail_commit(struct fake_session *session, bool poison)
{
    struct error err;

    if (poison)
        error_set(&err, ERROR_POISON, "", "a value can not be stored");
    else
        error_set(&err, ERROR_TRANSIENT, "no-partition", "no partition for the row");
    unlock(session);
    core_failed(session->core, &err, session->now_ms, 0);
}

static void perform(struct fake_session *session, enum core_step step)
{
    switch (step) {
    case CORE_LOOK:
        look(session);
        return;
    case CORE_LOAD:
        load(session);
        return;
    case CORE_COMMIT:
        if (core_commit(session->core)->at_once) {
            commit_at_once(session);
            return;
        }
        ck_assert_ptr_eq(session->log->locked_by, session);
        commit(session);
        unlock(session);
        return;
    case CORE_ROLLBACK:
        unlock(session);
        return;
    case CORE_PROBE:
        probe(session);
        return;
    case CORE_UPKEEP:
        session->log->partition_missing = false;
        session->log->upkeeps++;
        return;
    case CORE_NOTHING:
    case CORE_WAIT:
        return;
    }
}

static bool needs_lock(const struct fake_session *session, enum core_step step)
{
    return step == CORE_PROBE || (step == CORE_COMMIT && core_commit(session->core)->at_once) ||
           (step == CORE_LOOK && core_lookups(session->core)->lock);
}

static void open_session(struct fake_session *session)
{
    if (session->down) {
        struct error err;

        error_set(&err, ERROR_TRANSIENT, "dependency-down", "no connection");
        core_failed(session->core, &err, session->now_ms, UINT64_MAX);
        return;
    }
    session->open = true;
    core_reconnected(session->core);
}

/* What a step that takes its time may do to the core, which must stay of one mind all the same. */
static void pass_time(struct fake_session *session)
{
    if (session->step_takes_ms == 0)
        return;
    session->now_ms += session->step_takes_ms;
    session->step_takes_ms = 0;
    core_expire_in_step(session->core, session->now_ms);
}

static void take_snapshots(struct fake_session *session)
{
    struct snapshot snapshot;

    while (core_take_snapshot(session->core, &snapshot)) {
        if (!session->drops_snapshots)
            fake_snapshots_keep(session->log, &snapshot);
        snapshot_release(&snapshot);
    }
}

enum fake_outcome fake_step(struct fake_session *session, enum fake_fault fault)
{
    enum core_step step = core_next(session->core, session->now_ms);
    bool poison;

    if (step == CORE_NOTHING)
        return core_waiting(session->core) == 0 ? FAKE_IDLE : FAKE_DONE;
    if (step == CORE_WAIT)
        return FAKE_WAITING;
    if (step != CORE_COMMIT)
        pass_time(session);
    if (!session->open) {
        open_session(session);
        return FAKE_DONE;
    }
    if (needs_lock(session, step) && session->log->locked_by != NULL) {
        ck_assert_ptr_ne(session->log->locked_by, session);
        return FAKE_BLOCKED;
    }
    session->last = step;
    session->steps[step]++;
    poison = fault == FAULT_NONE && step == CORE_COMMIT && has_poison(core_commit(session->core));
    if (poison || (fault == FAULT_NONE && step == CORE_COMMIT && session->log->partition_missing)) {
        pass_time(session);
        fail_commit(session, poison);
        return FAKE_DONE;
    }
    if (fault == FAULT_NONE || (fault == FAULT_ANSWER_LOST && step == CORE_COMMIT))
        perform(session, step);
    pass_time(session); /* of a COMMIT: all of it was sent before anybody waits */
    if (fault == FAULT_NONE)
        core_done(session->core, session->now_ms);
    else
        fail_step(session, step, fault);
    take_snapshots(session);
    return FAKE_DONE;
}

void fake_run_to(struct fake_session *session, enum core_step step)
{
    session->last = CORE_NOTHING;
    for (int i = 0; i < STEPS_MAX; i++) {
        if (session->last == step)
            return;
        if (fake_step(session, FAULT_NONE) == FAKE_WAITING)
            session->now_ms = core_wait_until_ms(session->core);
    }
    ck_abort_msg("the core never came to step %d", (int)step);
}

void fake_run(struct fake_session *session)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        enum fake_outcome outcome = fake_step(session, FAULT_NONE);

        ck_assert_int_ne(outcome, FAKE_BLOCKED);
        if (outcome == FAKE_IDLE)
            return;
        if (outcome == FAKE_WAITING)
            session->now_ms = core_wait_until_ms(session->core);
    }
    ck_abort_msg("the core never came to rest");
}

struct core_config fake_core_config(void)
{
    static const struct domain *const domains[] = {&accounts_domain, NULL};

    return (struct core_config){
        .batch_commands_max = 1024,
        .batch_events_max = 8192,
        .batch_bytes_max = 16 << 20,
        .cache_bytes_max = 1 << 20,
        .categories_max = 64,
        .domains = domains,
        .new_id = uuid_v7,
    };
}

void fake_session_start(struct fake_session *session, struct fake_log *log,
                        const struct core_config *config)
{
    *session = (struct fake_session){.log = log, .core = core_new(config), .open = true};
}

void fake_session_stop(struct fake_session *session)
{
    unlock(session);
    core_free(session->core);
}
