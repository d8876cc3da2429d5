/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers that must not be mixed up: one-field structs, so that a swap does not compile.
 *
 * Threads: any; values.
 */
#ifndef DAYBOOK_BASE_UNITS_H
#define DAYBOOK_BASE_UNITS_H
#include <stdint.h>

struct position {
    int64_t n; /* 1, 2, 3, ... in the log; 0: before the first */
};

struct version {
    int64_t n; /* 1, 2, 3, ... in the stream; 0: the stream does not exist */
};

struct kafka_offset {
    int64_t n;
};

#define POSITION(value) ((struct position){(value)})
#define VERSION(value) ((struct version){(value)})

#endif
