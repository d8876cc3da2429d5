/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of names (docs/http.md): what may be a category, stream, tenant, id, event type.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_BASE_NAME_H
#define DAYBOOK_BASE_NAME_H
#include <stdbool.h>

#include "base/str.h"

enum {
    NAME_CATEGORY_MAX = 32,
    NAME_TENANT_MAX = 63,
    NAME_ID_MAX = 128,
    NAME_TYPE_MAX = 128,
    NAME_STREAM_MAX = NAME_CATEGORY_MAX + 1 + NAME_ID_MAX,
};

bool name_is_category(struct str s); /* [a-z][a-z0-9]{0,31} */
bool name_is_tenant(struct str s);   /* [a-z0-9][a-z0-9-]{0,62} */
bool name_is_id(struct str s);       /* [A-Za-z0-9._~:@-]{1,128}: ids, SKUs, customers, event ids */
/* A category whose topic would be one of our own: <prefix>.cursor, <prefix>.dlq.<projection>. */
bool name_is_reserved(struct str category);
bool name_is_event_type(struct str s);        /* [A-Za-z][A-Za-z0-9._-]{0,127} */
bool name_is_projection(struct str s);        /* [a-z][a-z0-9]{0,31} */
bool name_is_stream(struct str s);            /* <category>-<id> */
struct str name_category(struct str stream);  /* the part before the first '-' */
struct str name_stream_id(struct str stream); /* the part behind it */

#endif
