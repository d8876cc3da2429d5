/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of config share: sources (config_file.c, config_env.c) find keys and values and
 * hand each to config_set.c, which checks and stores it or notes a fault.
 *
 * Threads: the one that loads.
 */
#ifndef DAYBOOK_BASE_CONFIG_INTERNAL_H
#define DAYBOOK_BASE_CONFIG_INTERNAL_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"

enum {
    CONFIG_FILE_BYTES_MAX = 1024 * 1024,
    CONFIG_SECRET_BYTES_MAX = 64 * 1024,
    CONFIG_FAULTS_MAX = 100, /* told one by one; the rest is counted */
};

struct config_value {
    const char *text;
    int64_t number; /* BOOL, COUNT, DURATION, SIZE */
    const char *source;
    unsigned level; /* of the source that set it last; 0: the default */
    bool faulty;    /* a source was not taken */
};

struct config_pair_entry {
    const struct setting_passthrough *passthrough;
    const char *key;
    struct config_value value;
};

struct config {
    const struct config_schema *schema;
    struct arena *arena;         /* every string above */
    struct config_value *values; /* by the index of their setting */
    struct config_pair_entry *pairs;
    size_t pairs_count;
    size_t pairs_capacity;
};

struct config_loader {
    struct config *config;
    struct buf faults;
    size_t faults_count;
    unsigned level;      /* rises with each file, the environment, the flags */
    bool world_readable; /* the source may be read by everyone: it must not hold secrets */
    bool command_line;   /* so may this one, by ps */
};

/* WHERE: "FILE:LINE", "environment DAYBOOK_X", "flag http.listen". */
void config_fault(struct config_loader *loader, const char *where, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* KEY as in the schema ("http.listen"), with _file for secrets, or of a passthrough section. */
void config_set(struct config_loader *loader, const char *where, struct str key, struct str value);

/* The passthrough section KEY belongs to (the longest that fits), NULL: none. */
const struct setting_passthrough *config_passthrough(const struct config_schema *schema,
                                                     struct str key, struct str *ret_rest);
bool config_is_secret_pair(const char *key); /* sasl.password and the like */

void config_read_file(struct config_loader *loader, const char *path, bool must_exist);
/* All *.conf in it, in the order of their names. */
void config_read_directory(struct config_loader *loader, const char *path);
void config_read_environment(struct config_loader *loader, char *const *environment);

enum config_open { CONFIG_OPEN_READ, CONFIG_OPEN_ABSENT, CONFIG_OPEN_FAULT };

/* A whole regular file, at most BYTES_MAX; a reason (static or in ARENA) for CONFIG_OPEN_FAULT. */
enum config_open config_slurp(struct arena *arena, const char *path, size_t bytes_max,
                              struct str *ret_text, bool *ret_world_readable,
                              const char **ret_reason);

/* Checks TEXT against a setting; on failure *ret_wanted says what it should be ("a duration ...").
 */
bool config_value_parse(const struct setting *setting, struct str text, int64_t *ret_number,
                        struct buf *wanted);
/* The unit of a SIZE applied to a whole number, as config_parse_duration_ms() does for durations.
 */
bool config_parse_size_bytes(struct str text, int64_t *ret_bytes);
/* The same back, in the largest unit without a rest: "10s", "64KiB". */
void config_write_number(struct buf *out, enum setting_type type, int64_t number);

#endif
