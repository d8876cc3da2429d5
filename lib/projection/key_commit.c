/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what a key's transaction came to, and commits. */
#include "projection/key_work_internal.h"

#include <assert.h>

#include "base/arena.h"
#include "eventlog/event.h"
#include "postgres/pg.h"
#include "projection/events_json.h"
#include "projection/parking_store.h"
#include "projection/rows.h"
#include "projection/sql.h"
#include "projection/sql_batch.h"
#include "projection/sums.h"
#include "projection/table.h"

static const char sql_commit[] = "commit";

static void add_key(struct pg_params *params, const struct work *w)
{
    pg_params_clear(params);
    pg_add_str(params, str_of(w->set.projection));
    pg_add_i32(params, w->set.generation);
    pg_add_str(params, w->job->key->tenant);
    pg_add_str(params, w->job->key->stream);
}

static size_t rows_of(const struct work *w)
{
    if (w->rows)
        return rows_changed(w->rows);
    if (w->json)
        return w->json->count;
    return w->sums ? sums_count(w->sums) : 0;
}

static bool send_rows(struct work *w, struct pg_params *params, size_t *sent, struct error *err)
{
    if (rows_of(w) == 0)
        return true;
    if (w->json)
        return sql_batch_send(w->conn, w->table, events_json_end(w->json), err);
    pg_params_clear(params);
    if (w->rows)
        rows_upsert_params(w->rows, params);
    else
        sums_upsert_params(w->sums, params);
    ++*sent;
    return pg_pipe_send(w->conn, w->table->upsert, params, err);
}

static void add_cause(struct pg_params *params, struct work *w)
{
    if (w->why.class == ERROR_NONE) {
        pg_add_null(params);
        pg_add_null(params);
        pg_add_null(params);
        return;
    }
    pg_add_str(params, str_of(poison_class(&w->why)));
    pg_add_str(params, poison_code(&w->why));
    pg_add_str(params, storable_text(str_of(w->why.text), w->arena));
}

static bool send_key(struct work *w, struct pg_params *params, size_t *sent, struct error *err)
{
    const struct parked_key *key = &w->ret->change.key;
    bool moved = key->version.n != w->job->key->version.n;

    add_key(params, w);
    ++*sent;
    if (w->ret->change.gone)
        return pg_pipe_send(w->conn, sql_parked_delete, params, err);
    pg_add_str(params, str_of(parked_state_name(key->state)));
    pg_add_i64(params, key->version.n);
    pg_add_i64(params, key->last.n);
    pg_add_i64(params, key->position.n);
    pg_add_i64(params, key->offset.n);
    pg_add_str(params, w->culprit ? w->culprit->id : moved ? STR("") : STR_NONE);
    pg_add_str(params, w->culprit ? w->culprit->type : moved ? STR("") : STR_NONE);
    pg_add_i32(params, key->attempts);
    pg_add_i64(params, key->state == PARKED_RETRYING ? key->due_ms - w->now_ms : 0);
    add_cause(params, w);
    pg_add_i64(params, w->now_ms - key->failed_ms);
    return pg_pipe_send(w->conn, sql_parked_update, params, err);
}

static bool send_close(struct work *w, struct pg_params *params, const char *state,
                       struct error *err)
{
    pg_params_clear(params);
    pg_add_i64(params, w->job->letter);
    pg_add_str(params, str_of(state));
    pg_add_str(params, w->job->by);
    pg_add_str(params, w->job->reason.len > 0 ? w->job->reason : STR_NONE);
    return pg_pipe_send(w->conn, sql_letter_close, params, err);
}

static bool send_skip(struct work *w, struct pg_params *params, struct error *err)
{
    const struct parked_key *key = w->job->key;

    add_key(params, w);
    pg_add_i64(params, key->version.n);
    pg_add_i64(params, key->position.n);
    pg_add_i64(params, w->job->letter);
    pg_add_str(params, w->job->by);
    pg_add_str(params, w->job->reason);
    return pg_pipe_send(w->conn, sql_skipped_insert, params, err);
}

static bool send_failure(struct work *w, struct pg_params *params, struct error *err)
{
    pg_params_clear(params);
    pg_add_i64(params, w->job->letter);
    add_cause(params, w);
    return pg_pipe_send(w->conn, sql_letter_failed, params, err);
}

/* A new letter is sent last: its id comes with the last answer before COMMIT's. */
static bool send_letter(struct work *w, struct pg_params *params, size_t *sent, struct error *err)
{
    ++*sent;
    switch (w->ret->change.letter) {
    case PARKING_LETTER_RESOLVED:
        return send_close(w, params, "resolved", err);
    case PARKING_LETTER_DISCARDED:
        ++*sent;
        return send_skip(w, params, err) && send_close(w, params, "discarded", err);
    case PARKING_LETTER_FAILED:
        return send_failure(w, params, err);
    case PARKING_LETTER_NEW:
        add_key(params, w);
        return pg_pipe_send(w->conn, sql_letter_new, params, err);
    case PARKING_LETTER_NONE:
        break;
    }
    --*sent;
    return true;
}

static bool send_orphan(struct work *w, struct pg_params *params, size_t *sent, struct error *err)
{
    pg_params_clear(params);
    pg_add_i64(params, w->job->letter);
    pg_add_str(params, w->job->by);
    ++*sent;
    return pg_pipe_send(w->conn, sql_letter_orphan, params, err);
}

static const char *outcome_of(const struct work *w)
{
    if (w->job->task == PARKING_GONE)
        return "gone";
    switch (w->ret->change.letter) {
    case PARKING_LETTER_RESOLVED:
        return "resolved";
    case PARKING_LETTER_DISCARDED:
        return "discarded";
    case PARKING_LETTER_FAILED:
        return "failed";
    case PARKING_LETTER_NEW:
    case PARKING_LETTER_NONE:
        break;
    }
    return NULL; /* not done yet */
}

static bool send_request(struct work *w, struct pg_params *params, size_t *sent, struct error *err)
{
    const char *outcome = outcome_of(w);

    if (w->job->request == 0 || !outcome)
        return true;
    pg_params_clear(params);
    pg_add_i64(params, w->job->request);
    pg_add_str(params, str_of(outcome));
    pg_add_str(params, w->why.class == ERROR_NONE ? STR_NONE
                                                  : storable_text(str_of(w->why.text), w->arena));
    ++*sent;
    return pg_pipe_send(w->conn, sql_letter_request_done, params, err);
}

static bool send_all(struct work *w, size_t *sent, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    bool is_gone = w->job->task == PARKING_GONE;

    pg_params_init(&params);
    return send_rows(w, &params, sent, err) &&
           (is_gone ? send_orphan(w, &params, sent, err) : send_key(w, &params, sent, err)) &&
           send_request(w, &params, sent, err) && send_letter(w, &params, sent, err) &&
           pg_pipe_send(w->conn, sql_commit, NULL, err) && pg_pipe_sync(w->conn, err);
}

static bool receive_all(struct work *w, size_t sent, struct error *err)
{
    if (w->json && rows_of(w) > 0 && !sql_batch_receive(w->conn, w->table, err))
        return false;
    while (sent-- > 0) {
        SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

        if (!pg_pipe_next(w->conn, &rows, err))
            return false;
        if (sent == 0 && w->ret->change.letter == PARKING_LETTER_NEW)
            w->ret->change.key.letter = pg_get_i64(rows, 0, 0);
        else
            pg_rows_skip(rows);
    }
    return pg_pipe_next(w->conn, NULL, err);
}

bool work_commit(struct work *w)
{
    struct error *err = &w->ret->err;
    size_t sent = 0;
    bool ok;

    if (w->job->task != PARKING_GONE)
        w->ret->change =
            parking_after(w->job->key, w->job->task, &w->outcome, w->policy, w->now_ms);
    ok = pg_pipe_open(w->conn, err) && send_all(w, &sent, err) && receive_all(w, sent, err);
    pg_pipe_close(w->conn);
    if (ok)
        return true;
    w->ret->result = err->class == ERROR_POISON && rows_of(w) > 0 ? KEY_REFUSED : KEY_FAILED;
    return false;
}
