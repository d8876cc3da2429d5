/* SPDX-License-Identifier: Apache-2.0 */
/* Help and the man page, from the table. */
#include "base/buf.h"
#include "base/program_internal.h"

#include <string.h>

static const struct {
    enum exit_status status;
    const char *text;
} exits[] = {
    {EXIT_OK, "done"},
    {EXIT_FAILED, "failed"},
    {EXIT_USAGE, "the command line is wrong"},
    {EXIT_NOT_FOUND, "not found"},
    {EXIT_CONFLICT, "refused: a rule or a version stands against it"},
    {EXIT_NOT_ALLOWED, "not allowed"},
    {EXIT_UNAVAILABLE, "a service is away; the same may work later"},
    {EXIT_DRIFT, "a check found a difference"},
    {EXIT_CONFIGURATION, "the configuration is wrong"},
};
enum { EXITS_COUNT = sizeof exits / sizeof *exits };

/* How an option is written: "-o, --output FORMAT". */
static void write_spelling(const struct program_option *option, struct buf *out)
{
    if (option->letter != 0)
        buf_printf(out, "-%c, ", option->letter);
    buf_printf(out, "--%s", option->name);
    if (option->value != NULL)
        buf_printf(out, " %s", option->value);
}

static void write_row(struct buf *out, struct str left, const char *text)
{
    enum { LEFT_WIDTH = 30 };

    if (left.len > LEFT_WIDTH)
        buf_printf(out, "  " STR_FMT "\n  %-*s  %s\n", STR_ARG(left), LEFT_WIDTH, "", text);
    else
        buf_printf(out, "  %-*.*s  %s\n", LEFT_WIDTH, STR_ARG(left), text);
}

static void write_options(const struct program_option *options, struct buf *out)
{
    for (; options != NULL && options->name != NULL; options++) {
        SCOPED_VALUE(buf_release) struct buf left = BUF_INIT(1024);

        write_spelling(options, &left);
        write_row(out, buf_str(&left), options->text);
    }
}

static void write_verb_row(const struct verb *verb, struct buf *out)
{
    SCOPED_VALUE(buf_release) struct buf left = BUF_INIT(1024);

    buf_printf(&left, "%s%s%s", verb->name, verb->arguments[0] != '\0' ? " " : "", verb->arguments);
    write_row(out, buf_str(&left), verb->text);
}

static void write_common_options(const struct program *program, struct buf *out)
{
    write_options(program->options, out);
    write_row(out, STR("-h, --help"), "show this");
    write_row(out, STR("--version"), "show the version");
}

static void write_verb_help(const struct program *program, const struct verb *verb, struct buf *out)
{
    bool has_options = verb->options != NULL || verb->takes_settings;

    buf_printf(out, "%s %s%s%s%s\n\n%s.\n", program->name, verb->name,
               verb->arguments[0] != '\0' ? " " : "", verb->arguments,
               has_options ? " [OPTION...]" : "", verb->text);
    if (verb->details != NULL)
        buf_printf(out, "\n%s\n", verb->details);
    buf_add_cstr(out, "\nOptions:\n");
    write_options(verb->options, out);
    if (verb->takes_settings)
        write_row(out, STR("--SECTION.KEY VALUE"), "a setting; 'config explain' lists them");
    write_common_options(program, out);
}

static void write_program_help(const struct program *program, struct buf *out)
{
    buf_printf(out, "%s: %s.\n\nUsage: %s VERB [ARGUMENT...] [OPTION...]\n\nVerbs:\n",
               program->name, program->summary, program->name);
    for (const struct verb *verb = program->verbs; verb->name != NULL; verb++)
        write_verb_row(verb, out);
    buf_add_cstr(out, "\nOptions:\n");
    write_common_options(program, out);
    if (program->environment != NULL)
        buf_add_cstr(out, "\nEnvironment:\n");
    for (size_t i = 0; program->environment != NULL && program->environment[i][0] != NULL; i++)
        write_row(out, str_of(program->environment[i][0]), program->environment[i][1]);
    buf_add_cstr(out, "\nExit status:\n");
    for (size_t i = 0; i < EXITS_COUNT; i++)
        buf_printf(out, "  %-2d  %s\n", (int)exits[i].status, exits[i].text);
    if (program->examples != NULL)
        buf_add_cstr(out, "\nExamples:\n");
    for (size_t i = 0; program->examples != NULL && program->examples[i][0] != NULL; i++)
        buf_printf(out, "  %s\n      %s\n", program->examples[i][0], program->examples[i][1]);
}

bool program_write_help(const struct program *program, struct str topic, struct buf *out)
{
    const struct verb *verb = verb_find(program, topic);

    if (topic.len == 0) {
        write_program_help(program, out);
        return true;
    }
    if (verb != NULL) {
        write_verb_help(program, verb, out);
        return true;
    }
    if (!verb_is_group(program, topic))
        return false;
    buf_printf(out, "Usage: %s " STR_FMT " VERB [ARGUMENT...] [OPTION...]\n\nVerbs:\n",
               program->name, STR_ARG(topic));
    for (verb = program->verbs; verb->name != NULL; verb++)
        if (verb_is_under(verb, topic))
            write_verb_row(verb, out);
    return true;
}

/* A text as roff takes it: no backslash, no '.' or ''' at the start of a line, '-' as it is typed.
 */
static void write_roff(struct buf *out, const char *text)
{
    bool line_start = true;

    for (; *text != '\0'; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            buf_add_cstr(out, "\\&");
        line_start = *text == '\n';
        if (*text == '\\')
            buf_add_cstr(out, "\\e");
        else if (*text == '-')
            buf_add_cstr(out, "\\-");
        else
            buf_add_char(out, *text);
    }
}

static void write_man_item(struct buf *out, const char *term, const char *text)
{
    buf_add_cstr(out, ".TP\n\\fB");
    write_roff(out, term);
    buf_add_cstr(out, "\\fR\n");
    write_roff(out, text);
    buf_add_char(out, '\n');
}

static void write_man_options(struct buf *out, const struct program_option *options)
{
    for (; options != NULL && options->name != NULL; options++) {
        SCOPED_VALUE(buf_release) struct buf term = BUF_INIT(1024);

        write_spelling(options, &term);
        buf_add_char(&term, '\0');
        write_man_item(out, term.data, options->text);
    }
}

static void write_man_verb(struct buf *out, const struct verb *verb)
{
    buf_add_cstr(out, ".SS ");
    write_roff(out, verb->name);
    buf_add_char(out, ' ');
    write_roff(out, verb->arguments);
    buf_add_char(out, '\n');
    write_roff(out, verb->text);
    buf_add_cstr(out, ".\n");
    if (verb->details != NULL) {
        buf_add_cstr(out, ".PP\n");
        write_roff(out, verb->details);
        buf_add_char(out, '\n');
    }
    write_man_options(out, verb->options);
}

static void write_man_settings(struct buf *out, const struct config_schema *schema)
{
    buf_add_cstr(out, ".SH SETTINGS\n");
    for (size_t i = 0; i < schema->settings_count; i++)
        write_man_item(out, schema->settings[i].key, schema->settings[i].text);
    for (size_t i = 0; i < schema->passthroughs_count; i++)
        write_man_item(out, schema->passthroughs[i].section, schema->passthroughs[i].text);
}

static void write_man_pairs(struct buf *out, const char *title, const char *const (*pairs)[2])
{
    if (pairs == NULL)
        return;
    buf_printf(out, ".SH %s\n", title);
    for (; (*pairs)[0] != NULL; pairs++)
        write_man_item(out, (*pairs)[0], (*pairs)[1]);
}

void program_write_man(const struct program *program, struct buf *out)
{
    buf_printf(out, ".TH %s 1\n.SH NAME\n%s \\- ", program->name, program->name);
    write_roff(out, program->summary);
    buf_printf(out, "\n.SH SYNOPSIS\n.B %s\nVERB [ARGUMENT...] [OPTION...]\n.SH VERBS\n",
               program->name);
    for (const struct verb *verb = program->verbs; verb->name != NULL; verb++)
        write_man_verb(out, verb);
    buf_add_cstr(out, ".SH OPTIONS\n");
    write_man_options(out, program->options);
    write_man_item(out, "-h, --help", "show help");
    write_man_item(out, "--version", "show the version");
    if (program->settings != NULL)
        write_man_settings(out, program->settings);
    write_man_pairs(out, "ENVIRONMENT", program->environment);
    buf_add_cstr(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < EXITS_COUNT; i++) {
        buf_printf(out, ".TP\n\\fB%d\\fR\n", (int)exits[i].status);
        write_roff(out, exits[i].text);
        buf_add_char(out, '\n');
    }
    write_man_pairs(out, "EXAMPLES", program->examples);
}
