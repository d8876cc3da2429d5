/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_internal.h"

static _Atomic int level_min = LOG_INFO;
static _Atomic int format_chosen = LOG_FORMAT_AUTO;

static enum log_format resolve(enum log_format format)
{
    if (format != LOG_FORMAT_AUTO)
        return format;
    return isatty(STDERR_FILENO) ? LOG_FORMAT_LOGFMT : LOG_FORMAT_JSON;
}

void log_init(enum log_level level, enum log_format format)
{
    atomic_store(&level_min, (int)level);
    atomic_store(&format_chosen, (int)resolve(format));
}

void log_set_level(enum log_level level)
{
    atomic_store(&level_min, (int)level);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&level_min, memory_order_relaxed);
}

/* One write a line, so that lines of several threads and processes do not mix. What a full or
 * closed pipe refuses is lost: a log must not stop the work it tells of. */
static void write_line(const char *line, size_t len)
{
    ssize_t written;

    do
        written = write(STDERR_FILENO, line, len);
    while (written < 0 && errno == EINTR);
}

void log_write(enum log_level level, const char *sentence, const struct log_field *fields,
               size_t count)
{
    char line[LOG_LINE_MAX];
    enum log_format format = resolve((enum log_format)atomic_load(&format_chosen));
    size_t len;

    if (!log_enabled(level))
        return;
    len = log_format_line(line, format, level, clock_wall_us(), sentence, fields, count);
    write_line(line, len);
}

bool log_gate_open(struct log_gate *gate, struct str text, int64_t now_ms, int64_t period_ms,
                   unsigned *ret_held_back)
{
    uint64_t hash = str_hash(text);

    /* A zeroed gate holds the hash of no text: FNV-1a of nothing is not 0. */
    if (hash == gate->last_hash && now_ms - gate->last_ms < period_ms) {
        gate->held_back++;
        return false;
    }
    *ret_held_back = gate->held_back;
    *gate = (struct log_gate){.last_hash = hash, .last_ms = now_ms};
    return true;
}
