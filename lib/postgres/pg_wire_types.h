/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's binary formats: types by their fixed oids (catalog/pg_type.dat), and its epoch.
 *
 * Threads: any; constants.
 */
#ifndef DAYBOOK_POSTGRES_PG_WIRE_TYPES_H
#define DAYBOOK_POSTGRES_PG_WIRE_TYPES_H
#include <stdint.h>

enum {
    PG_OID_BOOL = 16,
    PG_OID_BYTEA = 17,
    PG_OID_NAME = 19,
    PG_OID_INT8 = 20,
    PG_OID_INT2 = 21,
    PG_OID_INT4 = 23,
    PG_OID_TEXT = 25,
    PG_OID_OID = 26,
    PG_OID_JSON = 114,
    PG_OID_FLOAT4 = 700,
    PG_OID_FLOAT8 = 701,
    PG_OID_BPCHAR = 1042,
    PG_OID_VARCHAR = 1043,
    PG_OID_DATE = 1082,
    PG_OID_TIMESTAMPTZ = 1184,
    PG_OID_UUID = 2950,
    PG_OID_JSONB = 3802,
};

/* 2000-01-01 UTC */
#define PG_EPOCH_US INT64_C(946684800000000)
#define PG_EPOCH_DAYS INT64_C(10957)

#endif
