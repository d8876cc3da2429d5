/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The projections of a directory: each of its files *.sql is one (sql_file.h).
 *
 * Threads: any.
 */
#ifndef DAYBOOK_PROJECTION_SQL_FILES_H
#define DAYBOOK_PROJECTION_SQL_FILES_H
#include <stdbool.h>

#include "base/error.h"
#include "projection/fold.h"

struct arena;
struct buf;

enum { PROJECTIONS_ALL_MAX = 32 }; /* built in and brought, in one process */

/*
 * *ret: BUILT_IN (ends with NULL), then those of DIRECTORY in name order; ends with NULL, lives in
 * ARENA. DIRECTORY "": the built-in ones. False: FAULTS has a line for each fault of each file.
 */
MUST_CHECK bool sql_files_load(const char *directory, const struct projection *const *built_in,
                               struct arena *arena, struct buf *faults,
                               const struct projection *const **ret);

#endif
