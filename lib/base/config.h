/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: one table of settings feeds parser, `config print`, help, man page and docs.
 *
 * Flag > DAYBOOK_SECTION_KEY in the environment > daybook.conf.d/ *.conf in name order >
 * daybook.conf > default. Every error is collected with file and line, or the variable's name;
 * an unknown key comes with the nearest known one. Modules never see this: the program fills their
 * structs from it.
 *
 * Threads: load in main before the first thread; read-only afterwards.
 */
#ifndef DAYBOOK_BASE_CONFIG_H
#define DAYBOOK_BASE_CONFIG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scope.h"
#include "base/str.h"

struct buf;

enum setting_type {
    SETTING_TEXT,     /* any single line */
    SETTING_CHOICE,   /* one of `choices`, separated by | */
    SETTING_BOOL,     /* true, false */
    SETTING_COUNT,    /* a whole number */
    SETTING_DURATION, /* 5s, 250ms, 2m, 1h, 7d: the unit is required; value in ms */
    SETTING_SIZE,     /* 64KiB, 1MiB, 10B, 1kB: the unit is required; value in bytes */
};

struct setting {
    const char *key; /* "http.listen" */
    enum setting_type type;
    const char *preset; /* the default, as a person would write it */
    const char *choices;
    int64_t min, max; /* COUNT, DURATION (ms), SIZE (bytes); both 0: no range */
    bool secret;      /* masked everywhere; also read from the file that <key>_file names */
    bool reloadable;  /* SIGHUP */
    const char *text; /* one sentence for help, man page and docs */
};

/* Sections whose keys are passed through, e.g. "kafka", with keys that are refused and why. */
struct setting_passthrough {
    const char *section;             /* "kafka.producer" */
    const char *const (*refused)[2]; /* {key, reason}, ends with {NULL} */
    const char *text;
};

struct config;

struct config_schema {
    const struct setting *settings;
    size_t settings_count;
    const struct setting_passthrough *passthroughs;
    size_t passthroughs_count;
    /* What one setting alone does not show, asked when all sources were read, whatever was wrong
     * with them: adds a line for each fault. NULL: nothing. */
    void (*check)(const struct config *config, struct buf *faults);
};

struct config_flag { /* from the command line: "http.listen", "127.0.0.1:0" */
    const char *key;
    const char *value;
};

/*
 * PATH: the file given with --config (must exist), or NULL for /etc/daybook/daybook.conf (may be
 * absent). ENVIRONMENT: as environ. On failure *ret_faults (never NULL on failure, free with
 * mem_free) has a line for every fault, and err says how many.
 */
MUST_CHECK bool config_load(const struct config_schema *schema, const char *path,
                            const struct config_flag *flags, size_t flags_count,
                            char *const *environment, struct config **ret_config, char **ret_faults,
                            struct error *err);
void config_free(struct config *config);
SCOPED_DEFINE(struct config *, config_free);

/* The key must be in the schema. Strings live as long as the config. */
const char *config_text(const struct config *config, const char *key);
bool config_bool(const struct config *config, const char *key);
int64_t config_number(const struct config *config, const char *key);
/* Some source gave a value that can not be taken: it was told, and what is here is another one. */
bool config_is_faulty(const struct config *config, const char *key);
bool config_is_default(const struct config *config, const char *key);
const char *config_source(const struct config *config,
                          const char *key); /* "default", "environment DAYBOOK_X", "FILE:12" */

/* Each pair of a passthrough section, in order. False at the end. */
bool config_pair(const struct config *config, const char *section, size_t index,
                 const char **ret_key, const char **ret_value);

/* Where it is from, as config_source(); NULL: nowhere. */
const char *config_pair_source(const struct config *config, const char *section, const char *key);

/* A whole number and its unit, which is required: "5s". For texts that hold several. */
bool config_parse_duration_ms(struct str text, int64_t *ret_ms);

/* `config print`: section headers, key = value, the source as a comment; secrets masked. */
void config_print(const struct config *config, struct buf *out);
/* All settings with type, default, range and text. */
void config_explain(const struct config_schema *schema, struct buf *out);

/* The nearest of COUNT words by edit distance (Damerau), or NULL if none is near. */
const char *nearest_word(struct str word, const char *const *words, size_t count);

#endif
