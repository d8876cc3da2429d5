/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/cut.h"

#include "base/mem.h"
#include "postgres/pg.h"
#include "projection/table.h"
#include "verify/sql.h"

#include <string.h>

void cut_init(struct cut *cut, const struct cursor *cursor)
{
    *cut = (struct cut){.cursor = cursor};
    cut->at = mem_calloc(cursor->topics_count + 1, sizeof(*cut->at));
    for (size_t i = 0; i < cursor->topics_count; i++)
        cut->at[i] = mem_calloc((size_t)cursor->topics[i].partitions + 1, sizeof(struct position));
}

void cut_release(struct cut *cut)
{
    if (!cut->at)
        return;
    for (size_t i = 0; i < cut->cursor->topics_count; i++)
        mem_free(cut->at[i]);
    mem_free(cut->at);
    cut->at = NULL;
}

static struct position *place(const struct cut *cut, struct str topic, int64_t partition)
{
    for (size_t i = 0; i < cut->cursor->topics_count; i++) {
        const struct cursor_topic *known = &cut->cursor->topics[i];

        if (str_equal(str_of(known->topic), topic))
            return partition < known->partitions ? &cut->at[i][partition] : NULL;
    }
    return NULL;
}

bool cut_load(struct verifier *v, const struct table *table, struct cut *cut, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_str(&params, str_of(table->projection->name));
    pg_add_i32(&params, table->generation);
    if (!pg_query(v->conn, sql_checkpoints, &params, &rows, err))
        return error_wrap(err, "read the checkpoints");
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct str topic = pg_get_str(rows, i, 0);
        int64_t partition = pg_get_i64(rows, i, 1);
        int64_t position = pg_get_i64(rows, i, 2);
        struct position *at = place(cut, topic, partition);

        /* A checkpoint of a topic that came after the cursor was read: not looked at this time. */
        if (at)
            *at = POSITION(position);
    }
    return true;
}

struct position *cut_of(const struct cut *cut, const struct verifier *v, struct str tenant,
                        struct str stream)
{
    const struct cursor_topic *topic = cursor_find(cut->cursor, name_category(stream));

    if (!topic)
        return NULL;
    return &cut->at[topic - cut->cursor->topics][verifier_partition(v, tenant, stream)];
}

void cut_difference(const struct cut *from, const struct cut *to, struct position *ret_after,
                    struct position *ret_up_to)
{
    *ret_after = *ret_up_to = POSITION(0);
    for (size_t i = 0; i < from->cursor->topics_count; i++) {
        for (int32_t k = 0; k < from->cursor->topics[i].partitions; k++) {
            int64_t low = from->at[i][k].n;
            int64_t high = to->at[i][k].n;

            if (high <= low)
                continue;
            if (ret_up_to->n == 0 || low < ret_after->n)
                ret_after->n = low;
            if (high > ret_up_to->n)
                ret_up_to->n = high;
        }
    }
}

void cut_copy(struct cut *to, const struct cut *from)
{
    for (size_t i = 0; i < from->cursor->topics_count; i++)
        memcpy(to->at[i], from->at[i],
               (size_t)from->cursor->topics[i].partitions * sizeof(struct position));
}
