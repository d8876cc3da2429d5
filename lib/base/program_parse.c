/* SPDX-License-Identifier: Apache-2.0 */
/* The command line against the table. */
#include "base/arena.h"
#include "base/program_internal.h"

#include <string.h>

enum { WORDS_MAX = 128 };

struct parser {
    const struct program *program;
    char *const *arguments;
    size_t count;
    size_t at;
    bool options_ended; /* "--" was seen */
    struct arena *arena;
    struct invocation *out;
    struct error *err;
};

static bool see_help(struct parser *parser)
{
    return error_hint(parser->err, "See '%s%s" STR_FMT " --help'", parser->program->name,
                      parser->out->topic.len > 0 ? " " : "", STR_ARG(parser->out->topic));
}

/* With the nearest of WORDS as a hint, where one is near. */
static bool unknown(struct parser *parser, const char *what, const char *word,
                    const char *const *words, size_t count)
{
    const char *nearest = nearest_word(str_of(word), words, count);

    error_set(parser->err, ERROR_REFUSED, "", "there is no %s '%s'", what, word);
    if (nearest != NULL)
        return error_hint(parser->err, "Did you mean '%s'?", nearest);
    return see_help(parser);
}

/* The first words of all verbs, or the verbs of GROUP. */
static size_t list_words(struct parser *parser, struct str group, const char **words)
{
    size_t count = 0;

    for (const struct verb *verb = parser->program->verbs; verb->name != NULL; verb++) {
        struct str second;
        struct str first = verb_words(verb, &second);

        if (count == WORDS_MAX)
            break;
        if (group.len == 0 && verb_is_first_of_group(parser->program, verb))
            words[count++] = arena_cstr(parser->arena, first);
        else if (group.len > 0 && str_equal(first, group))
            words[count++] = verb->name;
    }
    return count;
}

static bool needs_verb(struct parser *parser)
{
    const char *words[WORDS_MAX];
    size_t count = list_words(parser, parser->out->topic, words);
    struct str list = STR("");

    for (size_t i = 0; i < count; i++)
        list =
            arena_printf(parser->arena, STR_FMT "%s%s", STR_ARG(list), i > 0 ? ", " : "", words[i]);
    error_set(parser->err, ERROR_REFUSED, "", "say which: " STR_FMT, STR_ARG(list));
    return see_help(parser);
}

/* A word on the way to the verb. */
static bool take_verb_word(struct parser *parser, const char *word)
{
    struct invocation *out = parser->out;
    struct str name = out->topic.len > 0
                          ? arena_printf(parser->arena, STR_FMT " %s", STR_ARG(out->topic), word)
                          : str_of(word);
    const char *words[WORDS_MAX];

    out->verb = verb_find(parser->program, name);
    if (out->verb != NULL || (out->topic.len == 0 && verb_is_group(parser->program, name))) {
        out->topic = name;
        return true;
    }
    return unknown(parser, "verb", arena_cstr(parser->arena, name), words,
                   list_words(parser, out->topic, words));
}

static bool take_argument(struct parser *parser, const char *word)
{
    struct invocation *out = parser->out;

    if (out->arguments_count >= out->verb->arguments_max ||
        out->arguments_count == PROGRAM_ARGUMENTS_MAX) {
        error_set(parser->err, ERROR_REFUSED, "", "'%s' is one argument too many", word);
        return see_help(parser);
    }
    out->arguments[out->arguments_count++] = word;
    return true;
}

static const struct program_option *find_in(const struct program_option *options, struct str name,
                                            char letter)
{
    for (; options != NULL && options->name != NULL; options++)
        if (letter != 0 ? options->letter == letter : str_equal(str_of(options->name), name))
            return options;
    return NULL;
}

static const struct program_option *find_option(const struct parser *parser, struct str name,
                                                char letter)
{
    const struct verb *verb = parser->out->verb;
    const struct program_option *option = find_in(parser->program->options, name, letter);

    return option != NULL || verb == NULL ? option : find_in(verb->options, name, letter);
}

static size_t list_options(const struct program_option *options, const char **names, size_t count)
{
    for (; options != NULL && options->name != NULL && count < WORDS_MAX; options++)
        names[count++] = options->name;
    return count;
}

static bool unknown_option(struct parser *parser, struct str name)
{
    const struct verb *verb = parser->out->verb;
    const struct config_schema *settings = parser->program->settings;
    const char *names[WORDS_MAX];
    size_t count = list_options(parser->program->options, names, 0);

    count = list_options(verb != NULL ? verb->options : NULL, names, count);
    if (verb != NULL && verb->takes_settings)
        for (size_t i = 0; i < settings->settings_count && count < WORDS_MAX; i++)
            names[count++] = settings->settings[i].key;
    return unknown(parser, "option", arena_cstr(parser->arena, name), names, count);
}

/* The value behind '=', else the next word. */
static bool take_value(struct parser *parser, struct str name, const char *attached,
                       const char **ret)
{
    *ret = attached;
    if (attached == NULL && parser->at < parser->count)
        *ret = parser->arguments[parser->at++];
    if (*ret != NULL)
        return true;
    error_set(parser->err, ERROR_REFUSED, "", "--" STR_FMT " needs a value", STR_ARG(name));
    return see_help(parser);
}

static bool is_choice(const char *choices, struct str value)
{
    struct str rest = str_of(choices);

    while (rest.len > 0)
        if (str_equal(str_split(rest, '|', &rest), value))
            return true;
    return false;
}

static bool store(struct parser *parser, const struct program_option *option, const char *value)
{
    struct invocation *out = parser->out;

    if (!option->repeats && invocation_has(out, option->name))
        return error_set(parser->err, ERROR_REFUSED, "", "--%s is given twice", option->name);
    if (option->choices != NULL && !is_choice(option->choices, str_of(value)))
        return error_set(parser->err, ERROR_REFUSED, "", "--%s is one of %s, not '%s'",
                         option->name, option->choices, value);
    if (out->options_count == PROGRAM_OPTIONS_MAX)
        return error_set(parser->err, ERROR_REFUSED, "", "more than %d options",
                         PROGRAM_OPTIONS_MAX);
    out->options[out->options_count++] = (struct option_value){.option = option, .value = value};
    return true;
}

/* --section.key VALUE: what it may be is told by the configuration. */
static bool take_setting(struct parser *parser, struct str name, const char *attached)
{
    struct invocation *out = parser->out;
    const char *value;

    if (!take_value(parser, name, attached, &value))
        return false;
    if (out->flags_count == PROGRAM_OPTIONS_MAX)
        return error_set(parser->err, ERROR_REFUSED, "", "more than %d settings",
                         PROGRAM_OPTIONS_MAX);
    out->flags[out->flags_count++] =
        (struct config_flag){.key = arena_cstr(parser->arena, name), .value = value};
    return true;
}

static bool take_option(struct parser *parser, struct str name, char letter, const char *attached)
{
    const struct program_option *option = find_option(parser, name, letter);
    const struct verb *verb = parser->out->verb;
    const char *value = "";

    if (option == NULL) {
        if (letter == 0 && verb != NULL && verb->takes_settings && str_index(name, '.') < name.len)
            return take_setting(parser, name, attached);
        return unknown_option(parser, name);
    }
    name = str_of(option->name);
    if (option->value == NULL && attached != NULL)
        return error_set(parser->err, ERROR_REFUSED, "", "--%s takes no value", option->name);
    if (option->value != NULL && !take_value(parser, name, attached, &value))
        return false;
    return store(parser, option, value);
}

static bool take_long(struct parser *parser, const char *word)
{
    struct str name = str_of(word + 2);
    size_t equals = str_index(name, '=');
    const char *attached = equals < name.len ? name.data + equals + 1 : NULL;

    name.len = equals;
    if (str_equal(name, STR("help")) && attached == NULL)
        return parser->out->help = true;
    if (str_equal(name, STR("version")) && attached == NULL)
        return parser->out->version = true;
    return take_option(parser, name, 0, attached);
}

static bool take_short(struct parser *parser, const char *word)
{
    const char *attached = word[2] == '=' ? word + 3 : word + 2;

    if (word[1] == 'h' && word[2] == '\0')
        return parser->out->help = true;
    return take_option(parser, str_from(word + 1, 1), word[1], word[2] != '\0' ? attached : NULL);
}

/* "-" and negative numbers are arguments. */
static bool is_option(const struct parser *parser, const char *word)
{
    return !parser->options_ended && word[0] == '-' && word[1] != '\0' &&
           !(word[1] >= '0' && word[1] <= '9');
}

static bool take_word(struct parser *parser, const char *word)
{
    if (is_option(parser, word)) {
        if (strcmp(word, "--") == 0)
            return parser->options_ended = true;
        return word[1] == '-' ? take_long(parser, word) : take_short(parser, word);
    }
    return parser->out->verb == NULL ? take_verb_word(parser, word) : take_argument(parser, word);
}

bool program_parse(const struct program *program, char *const *arguments, size_t count,
                   struct arena *arena, struct invocation *ret, struct error *err)
{
    struct parser parser = {.program = program,
                            .arguments = arguments,
                            .count = count,
                            .arena = arena,
                            .out = ret,
                            .err = err};

    *ret = (struct invocation){.program = program, .arena = arena, .topic = STR("")};
    while (parser.at < count)
        if (!take_word(&parser, arguments[parser.at++]))
            return false;
    if (ret->help || ret->version)
        return true;
    if (ret->verb == NULL)
        return needs_verb(&parser);
    if (ret->arguments_count >= ret->verb->arguments_min)
        return true;
    error_set(err, ERROR_REFUSED, "", "usage: %s %s %s", program->name, ret->verb->name,
              ret->verb->arguments);
    return see_help(&parser);
}
