/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file: whatever it holds, there are settings or told faults. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/config.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct setting settings[] = {
    {.key = "a.text", .type = SETTING_TEXT, .preset = ""},
    {.key = "a.choice", .type = SETTING_CHOICE, .preset = "x", .choices = "x|y"},
    {.key = "a.bool", .type = SETTING_BOOL, .preset = "true"},
    {.key = "b.count", .type = SETTING_COUNT, .preset = "1", .min = 1, .max = 64},
    {.key = "b.time", .type = SETTING_DURATION, .preset = "1s", .min = 1, .max = 86400000},
    {.key = "b.size", .type = SETTING_SIZE, .preset = "1KiB", .min = 1, .max = INT64_C(1) << 40},
    {.key = "b.secret", .type = SETTING_TEXT, .preset = "", .secret = true},
};

static const struct setting_passthrough passthroughs[] = {
    {.section = "kafka", .text = "passed through"},
};

static const struct config_schema schema = {
    .settings = settings,
    .settings_count = sizeof(settings) / sizeof(*settings),
    .passthroughs = passthroughs,
    .passthroughs_count = 1,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("config", MFD_CLOEXEC);
    char path[64];
    char *environment[] = {NULL};
    char *faults = NULL;
    struct config *config = NULL;
    struct error err;

    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (config_load(&schema, path, NULL, 0, environment, &config, &faults, &err)) {
        int64_t count = config_number(config, "b.count");

        assert(count >= 1 && count <= 64);
        config_free(config);
    } else {
        assert(strlen(faults) > 0);
        mem_free(faults);
    }
    close(fd);
    return 0;
}
