/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A projection by stream: pages of streams, each stream's row against the fold of its events up to
 * the row's version, and against the checkpoint of its partition.
 *
 * Rows and checkpoints move while this reads. A checkpoint read before a row says what the row must
 * have at least, one read after it what it may have at most.
 */
#include "verify/cut.h"
#include "verify/verify_internal.h"

#include "eventlog/read.h"
#include "postgres/pg.h"
#include "projection/fold_event.h"
#include "projection/fold_event.h"
#include "projection/live.h"
#include "projection/rows.h"
#include "projection/table.h"
#include "verify/sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SPAN_EVENTS = 5000, SHOWN_BYTES = 60, ORPHANS_SQL_MAX = 512 };

struct subject {
    int64_t id;
    struct str tenant;
    struct str stream;
    const struct row *row;  /* as stored */
    struct row fold;        /* of the log, as far as the row's version */
    struct version version; /* of the stream */
    struct position first;
    struct position at;      /* of the last event folded */
    struct position next;    /* of the event after the row's version; 0: there is none yet */
    bool unfit;              /* told already why it can not be compared */
    struct version parked;   /* the first that waits; 0: the key is not parked */
    struct version *skipped; /* left out on purpose, rising */
    size_t skipped_count;
};

struct rows_check {
    struct verifier *v;
    const struct projection *projection;
    const struct table *table;
    struct arena *page;  /* of a page of streams */
    struct arena *chunk; /* of some of their events */
    struct cut *before;
    struct cut *after;
    struct subject *subjects;
    size_t count;
    int64_t done;
};

static void tell(const struct rows_check *c, enum finding_kind kind, const struct subject *s,
                 struct position position, struct version version, const char *text)
{
    struct finding finding = {.kind = kind,
                              .part = VERIFY_MODELS,
                              .name = str_of(c->projection->name),
                              .partition = -1,
                              .tenant = s->tenant,
                              .key = s->stream,
                              .position = position,
                              .version = version,
                              .text = str_of(text)};

    verifier_found(c->v, &finding);
}

/* Reading a page. */

static bool read_streams(struct rows_check *c, struct str tenant, struct str name,
                         struct pg_rows **ret_rows, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, tenant);
    pg_add_str(&params, name);
    pg_add_i64(&params, PAGE_ROWS);
    return pg_query(c->v->conn, sql_streams_page, &params, ret_rows, err);
}

static void choose(struct rows_check *c, const struct pg_rows *rows)
{
    c->count = 0;
    c->subjects = ARENA_ARRAY(c->page, struct subject, pg_rows_count(rows) + 1);
    pg_rows_skip(rows);
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct subject *s = &c->subjects[c->count];

        if (!projection_reads(c->projection, pg_get_str(rows, i, 3)))
            continue;
        s->id = pg_get_i64(rows, i, 0);
        s->tenant = arena_dup(c->page, pg_get_str(rows, i, 1));
        s->stream = arena_dup(c->page, pg_get_str(rows, i, 2));
        c->count++;
    }
}

static bool load_rows(struct rows_check *c, struct pg_rows **ret_loaded, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    struct rows *rows = rows_new(c->table, c->count, c->page);

    for (size_t i = 0; i < c->count; i++)
        rows_touch(rows, c->subjects[i].tenant, c->subjects[i].stream);
    pg_params_init(&params);
    rows_load_params(rows, &params);
    if (!pg_query(c->v->conn, c->table->load, &params, ret_loaded, err))
        return false;
    rows_loaded(rows, *ret_loaded);
    for (size_t i = 0; i < c->count; i++)
        c->subjects[i].row = rows_touch(rows, c->subjects[i].tenant, c->subjects[i].stream);
    return true;
}

static bool query_streams(const struct rows_check *c, const char *sql, struct pg_rows **ret_rows,
                          struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(c->projection->name));
    pg_add_i32(&params, c->table->generation);
    pg_array_open(&params, PG_TEXT);
    for (size_t i = 0; i < c->count; i++)
        pg_array_str(&params, c->subjects[i].tenant);
    pg_array_close(&params);
    pg_array_open(&params, PG_TEXT);
    for (size_t i = 0; i < c->count; i++)
        pg_array_str(&params, c->subjects[i].stream);
    pg_array_close(&params);
    return pg_query(c->v->conn, sql, &params, ret_rows, err);
}

/* Between the first checkpoints and the rows: what was parked at those checkpoints is parked still,
 * or is in its row by then. */
static bool load_parked(struct rows_check *c, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!query_streams(c, sql_parked_of, &rows, err))
        return false;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct subject *s = &c->subjects[pg_get_i64(rows, i, 0) - 1];
        char text[TEXT_MAX];

        s->parked = VERSION(pg_get_i64(rows, i, 1));
        snprintf(text, sizeof(text), STR_FMT ": " STR_FMT, STR_ARG(pg_get_str(rows, i, 3)),
                 STR_ARG(pg_get_str(rows, i, 4)));
        tell(c, FINDING_PARKED, s, POSITION(pg_get_i64(rows, i, 2)), s->parked, text);
    }
    return true;
}

/* After the rows: what a row has passed over is known by then. */
static bool load_skipped(struct rows_check *c, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    size_t count;

    if (!query_streams(c, sql_skipped_of, &rows, err))
        return false;
    count = pg_rows_count(rows);
    for (size_t i = 0; i < count; i++) {
        struct subject *s = &c->subjects[pg_get_i64(rows, i, 0) - 1];

        if (s->skipped_count == 0)
            s->skipped = ARENA_ARRAY(c->page, struct version, count - i);
        s->skipped[s->skipped_count++] = VERSION(pg_get_i64(rows, i, 1));
    }
    return true;
}

static bool is_skipped(const struct subject *s, struct version version)
{
    for (size_t i = 0; i < s->skipped_count; i++)
        if (s->skipped[i].n == version.n)
            return true;
    return false;
}

/* After the rows, so that a sound row is never above its stream. */
static bool load_heads(struct rows_check *c, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_array_open(&params, PG_INT8);
    for (size_t i = 0; i < c->count; i++)
        pg_array_i64(&params, c->subjects[i].id);
    pg_array_close(&params);
    if (!pg_query(c->v->conn, sql_streams_heads, &params, &rows, err))
        return false;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct subject *s = &c->subjects[pg_get_i64(rows, i, 0) - 1];

        s->version = VERSION(pg_get_i64(rows, i, 1));
        s->first = POSITION(pg_get_i64(rows, i, 2));
    }
    return true;
}

/* Folding. */

static void fold_event(struct rows_check *c, struct subject *s, const struct event *event)
{
    char text[TEXT_MAX];
    struct error why;

    if (s->unfit)
        return;
    if (event->version.n != s->fold.version.n + 1) {
        s->unfit = true;
        tell(c, FINDING_LOST, s, POSITION(0), VERSION(s->fold.version.n + 1),
             "is not in the log, so the row can not be compared");
        return;
    }
    if (event->version.n > s->row->version.n) {
        if (!is_skipped(s, event->version))
            s->next = event->position;
        return;
    }
    if (is_skipped(s, event->version)) {
        s->fold.version = event->version;
        s->at = event->position;
        return;
    }
    if (!projection_fold(c->projection, &s->fold, event, c->chunk, &why)) {
        s->unfit = true;
        snprintf(text, sizeof(text), "can not be folded: %s", why.text);
        tell(c, FINDING_DRIFTED, s, event->position, event->version, text);
        return;
    }
    s->fold.exists = true;
    s->fold.version = event->version;
    s->at = event->position;
}

static void begin_folds(struct rows_check *c, struct stream_span *spans)
{
    for (size_t i = 0; i < c->count; i++) {
        struct subject *s = &c->subjects[i];

        s->fold = (struct row){.tenant = s->tenant, .stream = s->stream};
        for (size_t k = 0; k < c->projection->columns_count; k++)
            s->fold.values[k].null = true;
        spans[i] = (struct stream_span){
            .id = s->id, .first_position = s->first, .up_to = VERSION(s->row->version.n + 1)};
    }
}

/* Folds what the log has for all rows of the page, some thousand events at a time. */
static bool fold_page(struct rows_check *c, struct error *err)
{
    struct stream_span *spans = ARENA_ARRAY(c->page, struct stream_span, c->count + 1);
    size_t from = 0;

    begin_folds(c, spans);
    while (from < c->count) {
        struct event_page page;
        size_t *numbers;
        size_t last;

        arena_clear(c->chunk);
        if (!spans_read(c->v->conn, spans + from, c->count - from, SPAN_EVENTS, c->chunk, &page,
                        &numbers, err))
            return false;
        c->v->report->events += page.count;
        for (size_t i = 0; i < page.count; i++)
            fold_event(c, &c->subjects[from + numbers[i]], &page.events[i]);
        last = page.count > 0 ? from + numbers[page.count - 1] : from;
        /* The folds may have left views into the chunk. */
        for (size_t i = from; i <= last; i++)
            row_keep(&c->subjects[i].fold, c->projection, c->page);
        if (page.count < SPAN_EVENTS)
            break;
        spans[last].after = page.events[page.count - 1].version;
        from = last;
    }
    return true;
}

/* Judging. */

static struct str shown(const struct value *value, enum column_type type, char out[SHOWN_BYTES])
{
    size_t max = SHOWN_BYTES - 1;

    if (value->null)
        return STR("nothing");
    if (type == COLUMN_BIGINT || type == COLUMN_TIME) {
        snprintf(out, SHOWN_BYTES, "%" PRId64, value->i64);
        return str_of(out);
    }
    return str_from(value->str.data, value->str.len < max ? value->str.len : max);
}

static bool is_equal(const struct value *a, const struct value *b, enum column_type type)
{
    if (a->null || b->null)
        return a->null == b->null;
    if (type == COLUMN_BIGINT || type == COLUMN_TIME)
        return a->i64 == b->i64;
    return str_equal(a->str, b->str);
}

static void compare(const struct rows_check *c, const struct subject *s)
{
    const struct projection *p = c->projection;

    for (size_t i = 0; i < p->columns_count; i++) {
        const struct value *is = &s->row->values[i];
        const struct value *must = &s->fold.values[i];
        enum column_type type = p->columns[i].type;
        char is_text[SHOWN_BYTES], must_text[SHOWN_BYTES];
        char text[TEXT_MAX];

        if (is_equal(is, must, type))
            continue;
        snprintf(text, sizeof(text), "%s is " STR_FMT ", by the log " STR_FMT, p->columns[i].name,
                 STR_ARG(shown(is, type, is_text)), STR_ARG(shown(must, type, must_text)));
        tell(c, FINDING_DRIFTED, s, s->at, s->row->version, text);
    }
}

static void judge(const struct rows_check *c, const struct subject *s)
{
    const struct position *before = cut_of(c->before, c->v, s->tenant, s->stream);
    const struct position *after = cut_of(c->after, c->v, s->tenant, s->stream);
    struct version due = VERSION(s->row->version.n + 1);
    char text[TEXT_MAX];

    if (s->unfit)
        return;
    if (s->fold.version.n < s->row->version.n) {
        snprintf(text, sizeof(text), "is in the read model, but the log ends at version %" PRId64,
                 s->fold.version.n);
        tell(c, FINDING_DRIFTED, s, POSITION(0), s->row->version, text);
        return;
    }
    if (s->next.n > 0 && before && s->next.n <= before->n && s->parked.n == 0)
        tell(c, FINDING_LOST, s, s->next, due,
             s->row->exists ? "is not in its row, though the checkpoint has passed it"
                            : "has no row, though the checkpoint has passed it");
    if (s->row->exists && (!after || s->at.n > after->n))
        tell(c, FINDING_DRIFTED, s, s->at, s->row->version,
             "is in its row, but its partition's checkpoint is before it");
    if (s->row->exists)
        compare(c, s);
}

static bool check_page(struct rows_check *c, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *loaded = NULL;

    if (c->count == 0)
        return true;
    if (!cut_load(c->v, c->table, c->before, err) || !load_parked(c, err) ||
        !load_rows(c, &loaded, err) || !load_skipped(c, err) || !load_heads(c, err) ||
        !cut_load(c->v, c->table, c->after, err) || !fold_page(c, err))
        return false;
    for (size_t i = 0; i < c->count; i++)
        judge(c, &c->subjects[i]);
    c->v->report->rows += c->count;
    c->done += (int64_t)c->count;
    return true;
}

static bool check_streams(struct rows_check *c, struct error *err)
{
    char tenant[NAME_TENANT_MAX + 1] = "";
    char name[NAME_STREAM_MAX + 1] = "";
    size_t count = PAGE_ROWS;

    while (count == PAGE_ROWS) {
        SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

        arena_clear(c->page);
        if (!verifier_go_on(c->v, c->projection->name, c->done, 0, err) ||
            !read_streams(c, str_of(tenant), str_of(name), &rows, err))
            return false;
        count = pg_rows_count(rows);
        if (count == 0)
            break;
        choose(c, rows);
        snprintf(tenant, sizeof(tenant), STR_FMT, STR_ARG(pg_get_str(rows, count - 1, 1)));
        snprintf(name, sizeof(name), STR_FMT, STR_ARG(pg_get_str(rows, count - 1, 2)));
        if (!check_page(c, err))
            return error_wrap(err, "compare rows");
    }
    return true;
}

/* Rows whose stream is not in the log. */

static bool orphans_page(struct rows_check *c, const char *sql, struct subject *last,
                         struct arena *arena, size_t *ret_count, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    size_t count;

    pg_params_init(&params);
    pg_add_str(&params, last->tenant);
    pg_add_str(&params, last->stream);
    if (!pg_query_once(c->v->conn, sql, &params, &rows, err))
        return error_wrap(err, "look for rows without a stream");
    count = pg_rows_count(rows);
    *ret_count = count;
    pg_rows_skip(rows);
    for (size_t i = 0; i < count; i++) {
        struct subject s = {.tenant = pg_get_str(rows, i, 0), .stream = pg_get_str(rows, i, 1)};

        if (!pg_get_bool(rows, i, 3))
            tell(c, FINDING_DRIFTED, &s, POSITION(0), VERSION(pg_get_i64(rows, i, 2)),
                 "has a row, but the log has no such stream");
    }
    arena_clear(arena);
    if (count > 0) {
        last->tenant = arena_dup(arena, pg_get_str(rows, count - 1, 0));
        last->stream = arena_dup(arena, pg_get_str(rows, count - 1, 1));
    }
    return true;
}

static bool check_orphans(struct rows_check *c, struct error *err)
{
    struct subject last = {.tenant = STR(""), .stream = STR("")};
    size_t count = SLICE_POSITIONS;
    char sql[ORPHANS_SQL_MAX];

    snprintf(sql, sizeof(sql),
             "select r.tenant, r.stream, r.version, exists (select from streams s"
             " where s.tenant = r.tenant and s.name = r.stream)"
             " from %s r where (r.tenant, r.stream) > ($1, $2)"
             " order by r.tenant, r.stream limit %d",
             c->table->name, SLICE_POSITIONS);
    arena_clear(c->page);
    while (count == SLICE_POSITIONS)
        if (!verifier_go_on(c->v, c->projection->name, c->done, 0, err) ||
            !orphans_page(c, sql, &last, c->page, &count, err))
            return false;
    return true;
}

bool verify_rows(struct verifier *v, const struct projection *projection, struct error *err)
{
    SCOPED(live_tables_free) struct live_tables *live = live_tables_new();
    SCOPED(arena_free) struct arena *page = arena_new(0);
    SCOPED(arena_free) struct arena *chunk = arena_new(0);
    SCOPED_VALUE(cut_release) struct cut before = {0};
    SCOPED_VALUE(cut_release) struct cut after = {0};
    struct rows_check c = {.v = v,
                           .projection = projection,
                           .page = page,
                           .chunk = chunk,
                           .before = &before,
                           .after = &after};

    if (!live_table_find(live, v->conn, projection, &c.table, err))
        return false;
    if (!c.table)
        return true; /* no projector has made it yet */
    cut_init(&before, &v->cursor);
    cut_init(&after, &v->cursor);
    return check_streams(&c, err) && check_orphans(&c, err);
}
