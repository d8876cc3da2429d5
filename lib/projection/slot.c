/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/slot.h"

#include <assert.h>
#include <stdio.h>

#include "postgres/pg.h"
#include "projection/process.h"
#include "projection/slot_core.h"
#include "projection/sql.h"

enum { COL_NUMBER, COL_INSTANCE, COL_HOST, COL_PROCESS, COL_TOKEN, COL_EXPIRED, COL_SILENT_MS };

static enum slot_holder holder_of(const struct pg_rows *rows, size_t row, const char *instance,
                                  const char *host)
{
    enum process_life life = process_look(pg_get_str(rows, row, COL_PROCESS));
    bool same_instance = str_equal(pg_get_str(rows, row, COL_INSTANCE), str_of(instance));
    bool same_host = str_equal(pg_get_str(rows, row, COL_HOST), str_of(host));

    if (!same_instance || !same_host)
        return SLOT_OTHER;
    return life == PROCESS_DEAD ? SLOT_DEAD : life == PROCESS_LIVES ? SLOT_ALIVE : SLOT_UNKNOWN;
}

static bool look(struct pg_conn *conn, const char *group, struct pg_rows **ret_rows,
                 struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(group));
    return pg_query(conn, sql_slot_look, &params, ret_rows, err);
}

static bool take(struct pg_conn *conn, const char *instance, const char *host, struct str old_token,
                 struct slot *slot, bool *ret_taken, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    char process[PROCESS_NAME_MAX + 1];

    process_name_self(process);
    pg_params_init(&params);
    pg_add_str(&params, str_of(slot->group));
    pg_add_i32(&params, slot->number);
    pg_add_str(&params, str_of(instance));
    pg_add_str(&params, str_of(host));
    pg_add_str(&params, str_of(process));
    pg_add_str(&params, str_of(slot->token));
    pg_add_str(&params, old_token);
    pg_add_i64(&params, SLOT_LEASE_MS);
    if (!pg_query(conn, sql_slot_take, &params, &rows, err))
        return false;
    *ret_taken = pg_rows_affected(rows) == 1; /* else another process was faster */
    return true;
}

static void slot_name(struct slot *slot, const char *group, int number)
{
    snprintf(slot->group, sizeof(slot->group), "%s", group);
    slot->number = number;
    uuid_format(uuid_v7(), slot->token);
    snprintf(slot->member, sizeof(slot->member), "%s.%d", group, number);
}

bool slot_take(struct pg_conn *conn, const char *group, const char *instance, int64_t waited_ms,
               struct slot *ret_slot, bool *ret_taken, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    char host[PROCESS_HOST_MAX + 1];
    struct slot_seen seen[SLOTS_MAX];
    struct str tokens[SLOTS_MAX];
    struct str old_token = STR("");
    size_t count, index = 0;
    int number = 0;

    process_host(host);
    *ret_taken = false;
    if (!look(conn, group, &rows, err))
        return error_wrap(err, "look for a member id of group '%s'", group);
    count = pg_rows_count(rows) < SLOTS_MAX ? pg_rows_count(rows) : SLOTS_MAX;
    for (size_t i = 0; i < count; i++) {
        tokens[i] = pg_get_str(rows, i, COL_TOKEN);
        seen[i] = (struct slot_seen){.number = (int)pg_get_i64(rows, i, COL_NUMBER),
                                     .holder = holder_of(rows, i, instance, host),
                                     .expired = pg_get_bool(rows, i, COL_EXPIRED),
                                     .silent_ms = pg_get_i64(rows, i, COL_SILENT_MS)};
    }

    switch (slot_choose(seen, count, waited_ms, &index, &number)) {
    case SLOT_WAIT:
        return true;
    case SLOT_TAKE_OVER:
        number = seen[index].number;
        old_token = tokens[index];
        break;
    case SLOT_TAKE_NEW:
        break;
    }
    slot_name(ret_slot, group, number);
    if (!take(conn, instance, host, old_token, ret_slot, ret_taken, err))
        return error_wrap(err, "take member id '%s'", ret_slot->member);
    return true;
}

static bool update(struct pg_conn *conn, const struct slot *slot, int64_t lease_ms,
                   bool *ret_is_ours, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    assert(slot->token[0]);

    pg_params_init(&params);
    pg_add_str(&params, str_of(slot->group));
    pg_add_i32(&params, slot->number);
    pg_add_str(&params, str_of(slot->token));
    pg_add_i64(&params, lease_ms);
    if (!pg_query(conn, sql_slot_renew, &params, &rows, err))
        return error_wrap(err, "renew member id '%s'", slot->member);
    *ret_is_ours = pg_rows_affected(rows) == 1;
    return true;
}

bool slot_renew(struct pg_conn *conn, const struct slot *slot, struct error *err)
{
    bool is_ours = false;

    if (!update(conn, slot, SLOT_LEASE_MS, &is_ours, err))
        return false;
    return is_ours || error_set(err, ERROR_FENCED, "slot-lost",
                                "another process has the member id '%s'", slot->member);
}

bool slot_release(struct pg_conn *conn, const struct slot *slot, struct error *err)
{
    bool is_ours;

    return update(conn, slot, 0, &is_ours, err);
}
