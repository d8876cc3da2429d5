/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybookd/bench.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/program.h"
#include "cmd/daybookd/settings.h"
#include "projection/fold.h"

#include <string.h>
#include <time.h>

enum { TEXT_BYTES_MAX = 1 << 16, LOOK_MS = 20 };

static void write_json(const struct figure *figures, size_t count, struct buf *out)
{
    buf_add_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        json_write_key(out, figures[i].key);
        buf_printf(out, "%.*f", figures[i].decimals, figures[i].value);
    }
    buf_add_cstr(out, "}\n");
}

static void write_text(const struct figure *figures, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%s%.*f%s", i > 0 ? ", " : "", figures[i].before, figures[i].decimals,
                   figures[i].value, figures[i].after);
    buf_add_char(out, '\n');
}

int bench_print(const struct invocation *invocation, const struct figure *figures, size_t count)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(TEXT_BYTES_MAX);
    const char *output = invocation_option(invocation, "output");

    if (output != NULL && strcmp(output, "json") == 0)
        write_json(figures, count, &text);
    else
        write_text(figures, count, &text);
    return program_print(buf_str(&text)) ? EXIT_OK : EXIT_FAILED;
}

bool bench_number(const struct invocation *invocation, const char *name, uint64_t max,
                  uint64_t *ret, struct error *err)
{
    const char *text = invocation_option(invocation, name);
    uint64_t value;

    if (text == NULL)
        return true;
    if (!str_to_u64(str_of(text), max, &value) || value == 0)
        return error_set(err, ERROR_REFUSED, "usage", "--%s takes a number of 1 to %llu, not '%s'",
                         name, (unsigned long long)max, text);
    *ret = value;
    return true;
}

bool bench_projection(const struct invocation *invocation, const struct config *config,
                      const struct projection **ret, int *ret_status)
{
    const struct projection *const *all;
    struct error err;

    if (!settings_projections(invocation, config, &all)) {
        *ret_status = EXIT_CONFIGURATION;
        return false;
    }
    for (; *all != NULL; all++)
        if (strcmp((*all)->name, invocation->arguments[0]) == 0) {
            *ret = *all;
            return true;
        }
    error_set(&err, ERROR_REFUSED, "not-found", "there is no projection '%s'",
              invocation->arguments[0]);
    *ret_status = bench_complain(invocation, &err);
    return false;
}

int bench_complain(const struct invocation *invocation, const struct error *err)
{
    program_complain(invocation->program, err);
    if (strcmp(err->code, "usage") == 0)
        return EXIT_USAGE;
    if (strcmp(err->code, "not-found") == 0)
        return EXIT_NOT_FOUND;
    if (strcmp(err->code, "projection-state") == 0)
        return EXIT_CONFLICT;
    return err->class == ERROR_TRANSIENT ? EXIT_UNAVAILABLE : EXIT_FAILED;
}

void bench_pause(void)
{
    struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};

    nanosleep(&pause, NULL);
}

double bench_rate(double count, int64_t from_us, int64_t to_us)
{
    return to_us > from_us ? count * 1e6 / (double)(to_us - from_us) : 0;
}
