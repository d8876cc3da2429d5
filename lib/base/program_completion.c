/* SPDX-License-Identifier: Apache-2.0 */
/* The shell's completion, from the table: verbs, options, and the values an option may have. */
#include "base/buf.h"
#include "base/program_internal.h"

#include <string.h>

static void write_option_words(const struct program_option *options, struct buf *out)
{
    for (; options != NULL && options->name != NULL; options++)
        buf_printf(out, " --%s", options->name);
}

/* "--output|-o|...": the options whose next word is a value, no verb. */
static void write_valued(const struct program_option *options, struct buf *out)
{
    for (; options != NULL && options->name != NULL; options++) {
        if (options->value == NULL)
            continue;
        buf_printf(out, "--%s|", options->name);
        if (options->letter != 0)
            buf_printf(out, "-%c|", options->letter);
    }
}

static void write_all_valued(const struct program *program, struct buf *out)
{
    write_valued(program->options, out);
    for (const struct verb *verb = program->verbs; verb->name != NULL; verb++)
        write_valued(verb->options, out);
    buf_add_cstr(out, "--*.*) skip=1 ;;\n");
}

/* "order|stock": the first words of verbs that have two. */
static void write_groups(const struct program *program, struct buf *out)
{
    const char *separator = "";

    for (const struct verb *verb = program->verbs; verb->name != NULL; verb++) {
        struct str second;
        struct str first = verb_words(verb, &second);

        if (second.len == 0 || !verb_is_first_of_group(program, verb))
            continue;
        buf_printf(out, "%s" STR_FMT, separator, STR_ARG(first));
        separator = "|";
    }
}

static void write_first_words(const struct program *program, struct buf *out)
{
    buf_add_cstr(out, "    '') words='");
    for (const struct verb *verb = program->verbs; verb->name != NULL; verb++) {
        struct str second;
        struct str first = verb_words(verb, &second);

        if (verb_is_first_of_group(program, verb))
            buf_printf(out, STR_FMT " ", STR_ARG(first));
    }
    buf_add_cstr(out, "' ;;\n");
}

static void write_group_words(const struct program *program, struct str group, struct buf *out)
{
    buf_printf(out, "    '" STR_FMT "') words='", STR_ARG(group));
    for (const struct verb *verb = program->verbs; verb->name != NULL; verb++) {
        struct str second;

        if (str_equal(verb_words(verb, &second), group))
            buf_printf(out, STR_FMT " ", STR_ARG(second));
    }
    buf_add_cstr(out, "' ;;\n");
}

static void write_verb_words(const struct program *program, const struct verb *verb,
                             struct buf *out)
{
    buf_printf(out, "    '%s') words='", verb->name);
    write_option_words(verb->options, out);
    for (size_t i = 0; verb->takes_settings && i < program->settings->settings_count; i++)
        buf_printf(out, " --%s", program->settings->settings[i].key);
    buf_add_cstr(out, "' ;;\n");
}

static void write_choices(const struct program_option *options, struct buf *out)
{
    for (; options != NULL && options->name != NULL; options++) {
        if (options->value == NULL)
            continue;
        buf_printf(out, "    --%s", options->name);
        if (options->letter != 0)
            buf_printf(out, "|-%c", options->letter);
        buf_add_cstr(out, ") words='");
        for (const char *at = options->choices; at != NULL && *at != '\0'; at++)
            buf_add_char(out, *at == '|' ? ' ' : *at);
        buf_add_cstr(out, "' value=1 ;;\n");
    }
}

static void write_values(const struct program *program, struct buf *out)
{
    buf_add_cstr(out, "    case \"$verb\" in\n");
    for (const struct verb *verb = program->verbs; verb->name != NULL; verb++) {
        if (verb->options == NULL)
            continue;
        buf_printf(out, "    '%s') case \"$previous\" in\n", verb->name);
        write_choices(verb->options, out);
        buf_add_cstr(out, "    esac ;;\n");
    }
    buf_add_cstr(out, "    esac\n    case \"$previous\" in\n");
    write_choices(program->options, out);
    buf_add_cstr(out, "    esac\n");
}

static void write_verb_search(const struct program *program, struct buf *out)
{
    buf_add_cstr(out, "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                      "        [ -z \"$skip\" ] || { skip=''; continue; }\n"
                      "        case \"$word\" in\n"
                      "        *=*) continue ;;\n        ");
    write_all_valued(program, out);
    buf_add_cstr(out, "        esac\n"
                      "        case \"$word\" in -*) continue ;; esac\n"
                      "        case \"$verb\" in\n"
                      "        '') verb=\"$word\" ;;\n        ");
    write_groups(program, out);
    buf_add_cstr(out, ") verb=\"$verb $word\" ;;\n        esac\n    done\n");
}

void program_write_completion(const struct program *program, const char *shell, struct buf *out)
{
    if (strcmp(shell, "zsh") == 0)
        buf_add_cstr(out, "autoload -U +X bashcompinit && bashcompinit\n");
    buf_printf(out,
               "_%s() {\n"
               "    local current=\"${COMP_WORDS[COMP_CWORD]}\"\n"
               "    local previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
               "    local verb='' words='' value='' skip='' word\n",
               program->name);
    write_verb_search(program, out);
    buf_add_cstr(out, "    case \"$verb\" in\n");
    write_first_words(program, out);
    for (const struct verb *verb = program->verbs; verb->name != NULL; verb++) {
        struct str second;
        struct str first = verb_words(verb, &second);

        if (second.len > 0 && verb_is_first_of_group(program, verb))
            write_group_words(program, first, out);
        write_verb_words(program, verb, out);
    }
    buf_add_cstr(out, "    esac\n");
    write_values(program, out);
    buf_add_cstr(out, "    [ -n \"$value\" ] || words=\"$words --help");
    write_option_words(program->options, out);
    buf_printf(out,
               "\"\n    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
               "}\n"
               "complete -o default -F _%s %s\n",
               program->name, program->name);
}
