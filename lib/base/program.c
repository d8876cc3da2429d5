/* SPDX-License-Identifier: Apache-2.0 */
#include "base/program.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/program_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_BYTES_MAX = 4 << 20 };

struct str verb_words(const struct verb *verb, struct str *ret_second)
{
    return str_split(str_of(verb->name), ' ', ret_second);
}

bool verb_is_under(const struct verb *verb, struct str name)
{
    struct str second;

    return str_equal(str_of(verb->name), name) || str_equal(verb_words(verb, &second), name);
}

const struct verb *verb_find(const struct program *program, struct str name)
{
    for (const struct verb *verb = program->verbs; verb->name != NULL; verb++)
        if (str_equal(str_of(verb->name), name))
            return verb;
    return NULL;
}

bool verb_is_group(const struct program *program, struct str word)
{
    for (const struct verb *verb = program->verbs; verb->name != NULL; verb++) {
        struct str second;

        if (str_equal(verb_words(verb, &second), word) && second.len > 0)
            return true;
    }
    return false;
}

bool verb_is_first_of_group(const struct program *program, const struct verb *verb)
{
    struct str second;
    struct str first = verb_words(verb, &second);

    for (const struct verb *other = program->verbs; other != verb; other++)
        if (str_equal(verb_words(other, &second), first))
            return false;
    return true;
}

bool program_print(struct str text)
{
    while (text.len > 0) {
        ssize_t written = write(STDOUT_FILENO, text.data, text.len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text = str_from(text.data + written, text.len - (size_t)written);
    }
    return true;
}

void program_complain(const struct program *program, const struct error *err)
{
    fprintf(stderr, "%s: %s%s%s\n", program->name, err->text, err->hint[0] != '\0' ? ". " : "",
            err->hint);
}

static int print_and_end(const struct buf *out)
{
    return !out->failed && program_print(buf_str(out)) ? EXIT_OK : EXIT_FAILED;
}

const struct program_option program_help_options[] = {
    {.name = "man", .text = "print the man page instead"},
    {0},
};

static int print_help(const struct program *program, struct str topic)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(OUTPUT_BYTES_MAX);
    struct error err;

    if (program_write_help(program, topic, &out))
        return print_and_end(&out);
    error_set(&err, ERROR_REFUSED, "", "there is no verb '" STR_FMT "'", STR_ARG(topic));
    error_hint(&err, "See '%s --help'", program->name);
    program_complain(program, &err);
    return EXIT_USAGE;
}

int program_help_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(OUTPUT_BYTES_MAX);
    struct str topic = STR("");

    if (invocation_has(invocation, "man")) {
        program_write_man(invocation->program, &out);
        return print_and_end(&out);
    }
    for (size_t i = 0; i < invocation->arguments_count; i++)
        topic = arena_printf(invocation->arena, STR_FMT "%s%s", STR_ARG(topic), i > 0 ? " " : "",
                             invocation->arguments[i]);
    return print_help(invocation->program, topic);
}

int program_completion_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(OUTPUT_BYTES_MAX);
    const char *shell = invocation->arguments[0];

    if (strcmp(shell, "bash") != 0 && strcmp(shell, "zsh") != 0) {
        struct error err;

        error_set(&err, ERROR_REFUSED, "", "there is no completion for the shell '%s'", shell);
        error_hint(&err, "It is bash or zsh.");
        program_complain(invocation->program, &err);
        return EXIT_USAGE;
    }
    program_write_completion(invocation->program, shell, &out);
    return print_and_end(&out);
}

static int print_version(const struct program *program)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1024);

    buf_printf(&out, "%s %s\n", program->name, program->version);
    return print_and_end(&out);
}

int program_main(const struct program *program, int argc, char **argv)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct invocation *invocation = ARENA_NEW(arena, struct invocation);
    struct error err;

    if (!program_parse(program, argv + 1, argc > 1 ? (size_t)argc - 1 : 0, arena, invocation,
                       &err)) {
        program_complain(program, &err);
        return EXIT_USAGE;
    }
    if (invocation->version)
        return print_version(program);
    if (invocation->help)
        return print_help(program, invocation->topic);
    return invocation->verb->run(invocation);
}

const char *invocation_option(const struct invocation *invocation, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < invocation->options_count; i++)
        if (strcmp(invocation->options[i].option->name, name) == 0)
            value = invocation->options[i].value;
    return value;
}

bool invocation_has(const struct invocation *invocation, const char *name)
{
    return invocation_option(invocation, name) != NULL;
}
