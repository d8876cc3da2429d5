/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parked keys, skipped versions and records that are not ours, in the database. All writes belong
 * into a transaction whose first statement was the checkpoint's update under the epoch.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_PARKING_STORE_H
#define DAYBOOK_PROJECTION_PARKING_STORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "eventlog/event.h"
#include "projection/checkpoint.h"
#include "projection/parking_core.h"

struct arena;
struct kafka_message;
struct parked_set;
struct pg_conn;
struct pg_params;

enum {
    PARKED_KEYS_MAX = 100000,        /* of one partition */
    FOREIGN_VALUE_MAX = 64 * 1024,   /* bytes of a record that are kept */
    FOREIGN_KEY_MAX = 4 * 1024,      /* the same */
    FOREIGN_HEADERS_MAX = 16 * 1024, /* as JSON */
    ERROR_CLASS_MAX = 32,
};

/* "poison.fold", "poison.constraint", "poison.gap": the class of a letter, from the error that a
 * fold, the database or a look into the log gave. */
const char *poison_class(const struct error *err);
/* Its code: the fold's, or the database's SQLSTATE. */
struct str poison_code(const struct error *err);

/* The keys of a partition replace what SET has. FATAL "parked-keys-limit" when they are too many.
 * NOW_MS is the monotonic time that belongs to the database's now. */
MUST_CHECK bool parked_load(struct pg_conn *conn, struct checkpoint_set set, const char *topic,
                            int32_t partition, int64_t now_ms, struct parked_set *ret,
                            struct error *err);

/* A key that is new, with what there is to tell about its event. */
struct parked_event {
    const char *topic;
    int32_t partition;
    struct parked_key key;
    struct str event_id; /* "": the log does not have it */
    struct str event_type;
    struct error why;
};

/* Parameters of sql_parked_insert and sql_parked_extend. NOW_MS: as of the keys' times. */
void parked_insert_params(struct pg_params *params, struct checkpoint_set set,
                          const struct parked_event *events, size_t count, int64_t now_ms,
                          struct arena *arena);
void parked_extend_params(struct pg_params *params, struct checkpoint_set set,
                          const struct parked_key *const *keys, size_t count);

/* A record that is not ours. Strings borrow; any bytes. */
struct foreign {
    struct kafka_offset offset;
    struct str key;     /* data NULL: none */
    struct str value;   /* data NULL: none */
    struct str headers; /* JSON, as foreign_headers() made it */
    const char *fault;
};

/* [["name", "base64"], ...], cut at FOREIGN_HEADERS_MAX. Lives in ARENA. */
struct str foreign_headers(const struct kafka_message *message, struct arena *arena);

struct foreign_place {
    const char *topic;
    int32_t partition;
    const struct foreign *record;
};

/* Parameters of sql_foreign_insert. */
void foreign_insert_params(struct pg_params *params, struct checkpoint_set set,
                           const struct foreign_place *places, size_t count, struct arena *arena);

/* Versions of a stream that the projection skips in this generation, from FROM on, in order. */
MUST_CHECK bool skipped_load(struct pg_conn *conn, struct checkpoint_set set, struct str tenant,
                             struct str stream, struct version from, struct arena *arena,
                             struct version **ret, size_t *ret_count, struct error *err);
bool versions_have(const struct version *versions, size_t count, struct version version);
/* Whether an earlier generation discarded this event: then so does this one, with its reason. */
MUST_CHECK bool skipped_inherit(struct pg_conn *conn, struct checkpoint_set set,
                                const struct event *event, bool *ret_skipped, struct error *err);

/* TEXT made fit for the database: valid UTF-8 without NUL. Lives in ARENA, or is TEXT. */
struct str storable_text(struct str text, struct arena *arena);

#endif
