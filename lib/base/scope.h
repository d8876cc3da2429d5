/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cleanup at the end of a scope: SCOPED(pg_rows_free) struct pg_rows *rows = NULL; frees it on
 * every way out. TAKE(p) hands the pointer on and leaves NULL. As in systemd's _cleanup_.
 *
 * A function f(T *) becomes usable by SCOPED_DEFINE(T *, f) next to its declaration.
 */
#ifndef DAYBOOK_BASE_SCOPE_H
#define DAYBOOK_BASE_SCOPE_H

#define SCOPED_DEFINE(type, fn) \
    static inline void fn##_scoped(type *p) \
    { \
        if (*p) \
            fn(*p); \
    } \
    struct scope_needs_semicolon

#define SCOPED(fn) __attribute__((cleanup(fn##_scoped)))

/* For storage of the caller's: fn(T *) on T. SCOPED_VALUE(buf_release) struct buf out = BUF_INIT...
 */
#define SCOPED_VALUE(fn) __attribute__((cleanup(fn)))

#define TAKE(p) \
    __extension__({ \
        __typeof__(p) taken_ = (p); \
        (p) = NULL; \
        taken_; \
    })

#endif
