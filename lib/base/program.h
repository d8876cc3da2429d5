/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program's command line: one table of verbs and options gives the parser, help, the man page
 * and the shell's completion. A typo is answered with the nearest word.
 *
 * A verb is one word or two ("serve", "order place"). Options may stand anywhere, as --name VALUE,
 * --name=VALUE, -n VALUE or -nVALUE; "--" ends them. Abbreviations are not taken: what works today
 * would mean something else once an option is added.
 *
 * Threads: main.
 */
#ifndef DAYBOOK_BASE_PROGRAM_H
#define DAYBOOK_BASE_PROGRAM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/error.h"
#include "base/str.h"

struct arena;
struct buf;
struct invocation;

/* Exit statuses of all our programs. */
enum exit_status {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_FOUND = 3,
    EXIT_CONFLICT = 4,
    EXIT_NOT_ALLOWED = 5,
    EXIT_UNAVAILABLE = 6,
    EXIT_DRIFT = 8,
    EXIT_CONFIGURATION = 78,
};

struct program_option {
    const char *name;    /* without the dashes */
    char letter;         /* 0: none */
    const char *value;   /* what stands for it in help: "FILE"; NULL: a flag */
    const char *choices; /* allowed values, separated by |; NULL: any */
    bool repeats;
    const char *text; /* one line, no full stop */
};

struct verb {
    const char *name;      /* "serve", "order place" */
    const char *arguments; /* as shown: "ID AMOUNT", "[NAME...]", "" */
    unsigned arguments_min;
    unsigned arguments_max;
    const struct program_option *options;      /* ends with .name NULL; may be NULL */
    bool takes_settings;                       /* also every setting, as --section.key VALUE */
    int (*run)(struct invocation *invocation); /* gives the exit status */
    const char *text;                          /* one line, no full stop */
    const char *details;                       /* paragraphs, or NULL */
};

struct program {
    const char *name;
    const char *summary; /* one line, no full stop */
    const char *version;
    const struct verb *verbs;             /* ends with .name NULL */
    const struct program_option *options; /* of every verb; ends with .name NULL */
    const struct config_schema *settings; /* NULL: none */
    const char *const (*environment)[2];  /* {variable, text}; ends with {NULL} */
    const char *const (*examples)[2];     /* {command, text}; ends with {NULL} */
};

struct option_value {
    const struct program_option *option;
    const char *value; /* "" of a flag */
};

enum { PROGRAM_ARGUMENTS_MAX = 64, PROGRAM_OPTIONS_MAX = 64 };

struct invocation {
    const struct program *program;
    const struct verb *verb; /* NULL: only help or version is wanted */
    bool help;               /* --help was given */
    bool version;            /* --version was given */
    struct str topic;        /* the verb's words so far, for help */
    struct arena *arena;     /* dies with the program */
    const char *arguments[PROGRAM_ARGUMENTS_MAX];
    size_t arguments_count;
    struct option_value options[PROGRAM_OPTIONS_MAX];
    size_t options_count;
    struct config_flag flags[PROGRAM_OPTIONS_MAX]; /* settings from the command line */
    size_t flags_count;
};

/* The whole of a main function: parses, answers --help and --version, runs the verb. */
int program_main(const struct program *program, int argc, char **argv);

/* ARGUMENTS without the program's name. Fails with ERROR_REFUSED; the hint tells the nearest word
 * or where to read more. Strings borrow from ARGUMENTS, the table or ARENA. */
MUST_CHECK bool program_parse(const struct program *program, char *const *arguments, size_t count,
                              struct arena *arena, struct invocation *ret, struct error *err);

/* The last value given; NULL: none. */
const char *invocation_option(const struct invocation *invocation, const char *name);
bool invocation_has(const struct invocation *invocation, const char *name);

/* Verbs every program has; for its table. */
int program_help_run(struct invocation *invocation);
int program_completion_run(struct invocation *invocation);
extern const struct program_option program_help_options[];

/* Rows of them. */
#define PROGRAM_COMMON_VERBS \
    {.name = "help", \
     .arguments = "[VERB]", \
     .arguments_max = 2, \
     .options = program_help_options, \
     .run = program_help_run, \
     .text = "show help on a verb"}, \
    { \
        .name = "completion", .arguments = "SHELL", .arguments_min = 1, .arguments_max = 1, \
        .run = program_completion_run, .text = "print the completion for bash or zsh" \
    }

/* TOPIC: "" for the program, "order" for a group, "order place" for a verb. False: no such. */
bool program_write_help(const struct program *program, struct str topic, struct buf *out);
void program_write_man(const struct program *program, struct buf *out); /* for man(1), section 1 */
/* SHELL: "bash" or "zsh". */
void program_write_completion(const struct program *program, const char *shell, struct buf *out);

/* One line on standard error: "PROGRAM: text. hint". */
void program_complain(const struct program *program, const struct error *err);

/* Standard output, whole or not at all: false when it is closed or full. */
bool program_print(struct str text);

#endif
