/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for redrive and discard. */
#include <assert.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "eventlog/audit.h"
#include "projection/letter_internal.h"
#include "projection/sql.h"

enum { DETAIL_BYTES_MAX = 4096, SUBJECT_BYTES_MAX = 1024 };

struct asking {
    struct pg_conn *conn;
    const struct letter_filter *filter;
    const struct letter_request *request;
    struct arena *arena;
    struct letter_requested *ret;
    int64_t *ids; /* to be asked for */
    int64_t *delays_ms;
    size_t count;
    int64_t *record_ids; /* to be discarded at once */
    size_t records_count;
};

/* Locks what fits. Another request for the same letters waits here. */
static bool lock(struct asking *a, struct pg_rows **ret_rows, struct error *err)
{
    SCOPED_VALUE(letter_statement_release) struct letter_statement s;

    letter_statement_init(&s);
    letter_add_sql(&s, "select l.id from dead_letters l");
    letter_add_where(&s, a->filter);
    letter_add_sql(&s, " and l.state in ('open', 'redriving') order by l.id limit ");
    letter_add_i64(&s, (int64_t)a->request->limit);
    if (!a->request->dry_run)
        letter_add_sql(&s, " for update of l");
    return letter_run(a->conn, &s, ret_rows, err) || error_wrap(err, "find the dead letters");
}

static void add_ids(struct pg_params *params, const int64_t *ids, size_t count)
{
    pg_array_open(params, PG_INT8);
    for (size_t i = 0; i < count; i++)
        pg_array_i64(params, ids[i]);
    pg_array_close(params);
}

/* A statement of its own: its snapshot has what was asked for while the lock was waited for. */
static bool look(struct asking *a, struct pg_rows **ret_rows, struct error *err)
{
    static const char sql[] =
        "select l.id, l.kind = 'record', l.redrives, exists (select from dead_letter_requests r"
        " where r.letter = l.id and r.done_at is null) from dead_letters l"
        " where l.id = any ($1::bigint[]) and l.state in ('open', 'redriving') order by l.id";
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *locked = NULL;
    int64_t *ids;

    pg_params_init(&params);
    if (!lock(a, &locked, err))
        return false;
    ids = ARENA_ARRAY(a->arena, int64_t, pg_rows_count(locked));
    for (size_t i = 0; i < pg_rows_count(locked); i++)
        ids[i] = pg_get_i64(locked, i, 0);
    add_ids(&params, ids, pg_rows_count(locked));
    return pg_query(a->conn, sql, &params, ret_rows, err) ||
           error_wrap(err, "look at the dead letters");
}

static void choose(struct asking *a, const struct pg_rows *rows)
{
    const struct letter_request *request = a->request;
    bool discards = request->verb == LETTER_DISCARD;
    struct rate rate;

    rate_init(&rate, request->rate, 0);
    a->ret->matched = pg_rows_count(rows);
    a->ids = ARENA_ARRAY(a->arena, int64_t, a->ret->matched);
    a->delays_ms = ARENA_ARRAY(a->arena, int64_t, a->ret->matched);
    a->record_ids = ARENA_ARRAY(a->arena, int64_t, a->ret->matched);
    for (size_t i = 0; i < a->ret->matched; i++) {
        int64_t id = pg_get_i64(rows, i, 0);
        bool is_record = pg_get_bool(rows, i, 1);
        int64_t redrives = pg_get_i64(rows, i, 2);
        bool is_busy = pg_get_bool(rows, i, 3);

        if (is_record && discards) {
            a->record_ids[a->records_count++] = id;
        } else if (is_record) {
            a->ret->records++;
        } else if (is_busy) {
            a->ret->busy++;
        } else if (!discards && redrives >= LETTER_REDRIVES_MAX && !request->force) {
            a->ret->guarded++;
        } else {
            a->ids[a->count] = id;
            a->delays_ms[a->count] = rate_reserve(&rate, 0);
            a->ret->until_ms = a->delays_ms[a->count++];
        }
    }
    a->ret->requested = a->count + a->records_count;
}

static bool take_batch(struct asking *a, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_query(a->conn, "select nextval('dead_letter_batches')", NULL, &rows, err))
        return false;
    a->ret->batch = pg_get_i64(rows, 0, 0);
    return true;
}

static bool insert_requests(struct asking *a, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_i64(&params, a->ret->batch);
    pg_add_str(&params, a->request->verb == LETTER_DISCARD ? STR("discard") : STR("redrive"));
    pg_add_str(&params, a->request->by);
    pg_add_str(&params, a->request->reason.data ? a->request->reason : STR(""));
    add_ids(&params, a->ids, a->count);
    add_ids(&params, a->delays_ms, a->count);
    if (!pg_query(a->conn, sql_letter_ask, &params, &rows, err))
        return false;
    assert(pg_rows_affected(rows) == (int64_t)a->count);
    return true;
}

/* Nothing waits for a record. */
static bool discard_records(struct asking *a, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_i64(&params, a->ret->batch);
    pg_add_str(&params, a->request->by);
    pg_add_str(&params, a->request->reason);
    add_ids(&params, a->record_ids, a->records_count);
    return pg_query(a->conn, sql_letter_discard_records, &params, NULL, err);
}

static void write_member(struct buf *out, const char *key, struct str value)
{
    if (!value.data)
        return;
    json_write_key(out, key);
    json_write_str(out, value);
}

static bool audit(struct asking *a, struct error *err)
{
    bool discards = a->request->verb == LETTER_DISCARD;
    const struct letter_filter *f = a->filter;
    SCOPED_VALUE(buf_release) struct buf detail = BUF_INIT(DETAIL_BYTES_MAX);
    struct audit_entry entry = {.actor = a->request->by,
                                .action = discards ? STR("dlq.discard") : STR("dlq.redrive"),
                                .reason = a->request->reason};

    entry.subject = f->id != 0 ? arena_printf(a->arena, "letter %lld", (long long)f->id)
                               : arena_printf(a->arena, "%zu letters", a->ret->requested);
    buf_printf(&detail, "{\"batch\":%lld,\"requested\":%zu,\"force\":%s", (long long)a->ret->batch,
               a->ret->requested, a->request->force ? "true" : "false");
    write_member(&detail, "projection", f->projection);
    write_member(&detail, "tenant", f->tenant);
    write_member(&detail, "stream", f->stream);
    write_member(&detail, "event_type", f->event_type);
    write_member(&detail, "class", f->class);
    write_member(&detail, "code", f->code);
    buf_add_char(&detail, '}');
    if (!detail.failed)
        entry.detail = buf_str(&detail);
    return audit_add(a->conn, &entry, err);
}

static bool ask(struct asking *a, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!look(a, &rows, err))
        return false;
    choose(a, rows);
    if (a->request->dry_run || a->ret->requested == 0)
        return true;
    return take_batch(a, err) && (a->count == 0 || insert_requests(a, err)) &&
           (a->records_count == 0 || discard_records(a, err)) && audit(a, err);
}

static bool in_transaction(struct pg_conn *conn, bool done, struct error *err)
{
    if (done && pg_commit(conn, err))
        return true;
    pg_rollback(conn);
    return false;
}

bool letters_request(struct pg_conn *conn, const struct letter_filter *filter,
                     const struct letter_request *request, struct arena *arena,
                     struct letter_requested *ret, struct error *err)
{
    struct asking a = {
        .conn = conn, .filter = filter, .request = request, .arena = arena, .ret = ret};

    assert(request->by.len > 0);
    assert(request->verb == LETTER_REDRIVE || request->reason.len > 0);
    assert(request->reason.len <= LETTER_REASON_MAX);
    assert(request->limit >= 1 && request->limit <= LETTER_REQUEST_MAX);

    *ret = (struct letter_requested){0};
    return pg_begin(conn, err) && in_transaction(conn, ask(&a, err), err);
}

bool letter_batch_find(struct pg_conn *conn, int64_t batch, struct letter_batch *ret,
                       struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_i64(&params, batch);
    if (!pg_query(conn, sql_letter_batch, &params, &rows, err))
        return error_wrap(err, "look at a batch of requests");
    assert(pg_rows_count(rows) == 1);
    *ret = (struct letter_batch){
        .total = pg_get_i64(rows, 0, 0),
        .done = pg_get_i64(rows, 0, 1),
        .resolved = pg_get_i64(rows, 0, 2),
        .discarded = pg_get_i64(rows, 0, 3),
        .failed = pg_get_i64(rows, 0, 4),
        .gone = pg_get_i64(rows, 0, 5),
        .cancelled = pg_get_i64(rows, 0, 6),
    };
    return true;
}

static bool cancel(struct pg_conn *conn, int64_t batch, struct str by, size_t *ret_cancelled,
                   struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    char subject[64];
    struct audit_entry entry = {.actor = by, .action = STR("dlq.cancel")};

    pg_params_init(&params);
    pg_add_i64(&params, batch);
    if (!pg_query(conn, sql_letter_batch_lock, &params, NULL, err) ||
        !pg_query(conn, sql_letter_batch_cancel, &params, &rows, err))
        return false;
    *ret_cancelled = (size_t)pg_get_i64(rows, 0, 0);
    entry.subject = str_from(
        subject, (size_t)snprintf(subject, sizeof(subject), "batch %lld", (long long)batch));
    return *ret_cancelled == 0 || audit_add(conn, &entry, err);
}

bool letter_batch_cancel(struct pg_conn *conn, int64_t batch, struct str by, size_t *ret_cancelled,
                         struct error *err)
{
    return pg_begin(conn, err) &&
           in_transaction(conn, cancel(conn, batch, by, ret_cancelled, err), err);
}
