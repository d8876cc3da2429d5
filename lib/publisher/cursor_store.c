/* SPDX-License-Identifier: Apache-2.0 */
/* Where the cursor is kept: in Kafka, and its copy in the database. */
#include "publisher/cursor.h"

#include "kafka/reader.h"
#include "postgres/pg.h"
#include "publisher/topics.h"

static const char sql_cursor_load[] = "select cursor from publisher_cursor c join log_info i on "
                                      "i.id = c.log_id";

bool cursor_load(struct pg_conn *conn, struct cursor *ret_cursor, bool *ret_found,
                 struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    cursor_init(ret_cursor, "");
    if (!pg_query(conn, sql_cursor_load, NULL, &rows, err))
        return error_wrap(err, "read the copy of the cursor");
    *ret_found = pg_rows_count(rows) == 1;
    if (!*ret_found || cursor_parse(pg_get_str(rows, 0, 0), ret_cursor, err))
        return true;
    return error_wrap(err, "read the copy of the cursor");
}

bool cursor_fetch(struct kafka_reader *reader, const char *prefix, const char *log_id,
                  int64_t deadline_ms, struct cursor *ret_cursor, bool *ret_found,
                  struct error *err)
{
    SCOPED(kafka_message_free) struct kafka_message *message = NULL;
    char topic[CURSOR_TOPIC_MAX];

    cursor_init(ret_cursor, "");
    topics_cursor_name(prefix, topic);
    if (!kafka_reader_find_key(reader, topic, 0, str_of(log_id), deadline_ms, &message, err))
        return error_wrap(err, "read the cursor");
    /* A tombstone is what a compacted topic has where there is nothing. */
    *ret_found = message != NULL && kafka_message_value(message).data != NULL;
    if (!*ret_found)
        return true;
    if (cursor_parse(kafka_message_value(message), ret_cursor, err))
        return true;
    return error_wrap(err, "read the cursor");
}
