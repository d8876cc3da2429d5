/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log line in the making: log.c decides and writes, log_format.c formats.
 *
 * Threads: any; values.
 */
#ifndef DAYBOOK_BASE_LOG_INTERNAL_H
#define DAYBOOK_BASE_LOG_INTERNAL_H
#include "base/log.h"

enum {
    LOG_LINE_MAX = 8 * 1024,  /* bytes with the line feed */
    LOG_VALUE_MAX = 2 * 1024, /* bytes of one value as written; what is longer ends in "..." */
};

/* One line with its line feed into OUT, no NUL. FORMAT is LOGFMT or JSON. A field that does not fit
 * is left out with all behind it, and the line says truncated=true. */
size_t log_format_line(char out[LOG_LINE_MAX], enum log_format format, enum log_level level,
                       int64_t wall_us, const char *sentence, const struct log_field *fields,
                       size_t count);

#endif
