/* SPDX-License-Identifier: Apache-2.0 */
#include "base/program.h"

#include "base/arena.h"
#include "base/buf.h"
#include "tests/support/expect.h"

#include <check.h>
#include <string.h>

static int run_nothing(struct invocation *invocation)
{
    return (int)invocation->arguments_count + 40;
}

static const struct program_option options[] = {
    {.name = "output", .letter = 'o', .value = "FORMAT", .choices = "json|csv", .text = "how"},
    {.name = "quiet", .letter = 'q', .text = "say nothing"},
    {0},
};
static const struct program_option place_options[] = {
    {.name = "customer", .value = "ID", .text = "who"},
    {.name = "item", .value = "SKU", .repeats = true, .text = "what"},
    {0},
};
static const struct verb verbs[] = {
    {.name = "order place",
     .arguments = "",
     .options = place_options,
     .run = run_nothing,
     .text = "place an order"},
    {.name = "order show",
     .arguments = "ID",
     .arguments_min = 1,
     .arguments_max = 1,
     .run = run_nothing,
     .text = "show an order"},
    {.name = "stock adjust",
     .arguments = "SKU DELTA",
     .arguments_min = 2,
     .arguments_max = 2,
     .run = run_nothing,
     .text = "correct a count"},
    {.name = "serve",
     .arguments = "[NAME...]",
     .arguments_max = 3,
     .takes_settings = true,
     .run = run_nothing,
     .text = "run",
     .details = ".starts with a dot"},
    PROGRAM_COMMON_VERBS,
    {0},
};
static const struct setting settings[] = {
    {.key = "http.listen", .type = SETTING_TEXT, .preset = "", .text = "Where to listen."},
    {.key = "http.threads", .type = SETTING_COUNT, .preset = "2", .text = "How many."},
};
static const struct config_schema schema = {.settings = settings, .settings_count = 2};
static const char *const environment[][2] = {{"X_URL", "the address"}, {NULL, NULL}};
static const struct program program = {.name = "prog",
                                       .summary = "does things",
                                       .version = "1.2",
                                       .verbs = verbs,
                                       .options = options,
                                       .settings = &schema,
                                       .environment = environment};

static struct arena *arena;
static struct invocation invocation;
static struct error err;
static struct buf out;

static void setup(void)
{
    arena = arena_new(0);
    buf_init(&out, 1 << 20);
}

static void teardown(void)
{
    buf_release(&out);
    arena_free(arena);
}

/* LINE is cut at single blanks. */
static bool parse(const char *line)
{
    static char *words[32];
    size_t count = 0;
    struct str rest = str_of(line);

    while (rest.len > 0)
        words[count++] = arena_cstr(arena, str_split(rest, ' ', &rest));
    return program_parse(&program, words, count, arena, &invocation, &err);
}

static const struct {
    const char *line;
    const char *verb;
    size_t arguments;
    size_t options;
    size_t flags;
} good[] = {
    {"order place", "order place", 0, 0, 0},
    {"order show x", "order show", 1, 0, 0},
    {"serve a b c", "serve", 3, 0, 0},
    {"-o json order show x", "order show", 1, 1, 0},
    {"order -ojson show x", "order show", 1, 1, 0},
    {"order show x --output=csv -q", "order show", 1, 2, 0},
    {"order place --customer c --item a --item b", "order place", 0, 3, 0},
    {"order show -- --output", "order show", 1, 0, 0},
    {"order show -", "order show", 1, 0, 0},
    {"stock adjust x -5", "stock adjust", 2, 0, 0},
    {"serve --http.listen 127.0.0.1:0 --http.threads=4", "serve", 0, 0, 2},
    {"help order place --man", "help", 2, 1, 0},
    {"completion zsh", "completion", 1, 0, 0},
    {"serve --any.thing x", "serve", 0, 0, 1}, /* the configuration tells what is wrong with it */
};

START_TEST(words_options_and_settings_are_told_apart)
{
    ck_assert_msg(parse(good[_i].line), "%s", err.text);
    ck_assert_str_eq(invocation.verb->name, good[_i].verb);
    ck_assert_uint_eq(invocation.arguments_count, good[_i].arguments);
    ck_assert_uint_eq(invocation.options_count, good[_i].options);
    ck_assert_uint_eq(invocation.flags_count, good[_i].flags);
}
END_TEST

START_TEST(values_are_where_they_were_given)
{
    ck_assert(parse("order show o-1 -o json"));
    ck_assert_str_eq(invocation.arguments[0], "o-1");
    ck_assert_str_eq(invocation_option(&invocation, "output"), "json");
    ck_assert(!invocation_has(&invocation, "quiet"));
    ck_assert(parse("order place --item a --item b -q"));
    ck_assert_str_eq(invocation_option(&invocation, "item"), "b"); /* the last */
    ck_assert(invocation_has(&invocation, "quiet"));
    ck_assert(parse("serve --http.listen=a=b"));
    ck_assert_str_eq(invocation.flags[0].key, "http.listen");
    ck_assert_str_eq(invocation.flags[0].value, "a=b");
}
END_TEST

static const struct {
    const char *line;
    const char *text;
    const char *hint;
} bad[] = {
    {"", "say which", "prog --help"},
    {"order", "order place, order show", "prog order --help"},
    {"odrer show x", "there is no verb 'odrer'", "'order'"},
    {"order plaice", "there is no verb 'order plaice'", "'order place'"},
    {"order zzzzzzzz", "there is no verb", "order --help"},
    {"order show", "usage: prog order show ID", "--help"},
    {"order show a b", "'b' is one argument too many", "--help"},
    {"order show a --nonsense", "there is no option 'nonsense'", "--help"},
    {"order show a --outptu json", "there is no option 'outptu'", "'output'"},
    {"order show a --out json", "there is no option 'out'", ""},        /* no abbreviations */
    {"order show a --customer c", "there is no option 'customer'", ""}, /* of another verb */
    {"order place --customer", "--customer needs a value", "--help"},
    {"order place --customer a --customer b", "--customer is given twice", ""},
    {"order show a -o xml", "--output is one of json|csv, not 'xml'", ""},
    {"order show a --quiet=1", "--quiet takes no value", ""},
    {"order show a -x", "there is no option 'x'", ""},
    {"order show a --http.listen b", "there is no option 'http.listen'", ""},
    {"serve --http.listen", "--http.listen needs a value", ""},
    {"serve --treads 3", "there is no option 'treads'", ""},
};

START_TEST(a_fault_is_told_with_the_way_out)
{
    ck_assert(!parse(bad[_i].line));
    ck_assert_int_eq(err.class, ERROR_REFUSED);
    ck_assert_msg(strstr(err.text, bad[_i].text) != NULL, "%s", err.text);
    ck_assert_msg(strstr(err.hint, bad[_i].hint) != NULL, "%s", err.hint);
}
END_TEST

START_TEST(help_and_version_need_nothing_else)
{
    ck_assert(parse("--help") && invocation.help);
    ck_assert(parse("order --help") && invocation.help);
    EXPECT_STR(invocation.topic, "order");
    ck_assert(parse("order show -h") && invocation.help);
    EXPECT_STR(invocation.topic, "order show");
    ck_assert(parse("--version") && invocation.version);
}
END_TEST

static bool written(const char *text)
{
    return memmem(out.data, out.len, text, strlen(text)) != NULL;
}

START_TEST(help_names_every_verb_option_and_variable)
{
    ck_assert(program_write_help(&program, STR(""), &out));
    for (const struct verb *verb = verbs; verb->name != NULL; verb++)
        ck_assert(written(verb->name) && written(verb->text));
    ck_assert(written("-o, --output FORMAT") && written("-q, --quiet") && written("X_URL"));
    ck_assert(written("78  the configuration is wrong"));
}
END_TEST

START_TEST(help_on_a_group_and_on_a_verb)
{
    ck_assert(program_write_help(&program, STR("order"), &out));
    ck_assert(written("order place") && written("order show ID") && !written("stock"));
    buf_clear(&out);
    ck_assert(program_write_help(&program, STR("order place"), &out));
    ck_assert(written("--customer ID") && written("--output") && !written("order show"));
    ck_assert(!program_write_help(&program, STR("nothing"), &out));
}
END_TEST

static const char *const unknown[] = {"help nothing", "help order nothing", "completion fish"};

START_TEST(help_and_completion_refuse_what_is_not_there)
{
    ck_assert_msg(parse(unknown[_i]), "%s", err.text);
    ck_assert_int_eq(invocation.verb->run(&invocation), EXIT_USAGE);
}
END_TEST

START_TEST(the_man_page_is_roff)
{
    program_write_man(&program, &out);
    ck_assert(written(".TH prog 1\n"));
    ck_assert(written("\\-\\-customer ID") && written("http.listen") && written("X_URL"));
    ck_assert(written("\n\\&.starts with a dot")); /* else a command of roff's */
    for (const char *at = out.data; (at = memchr(at, '\n', (size_t)(out.data + out.len - at)));
         at++)
        if (at[1] == '.')
            ck_assert_msg(strncmp(at + 1, ".S", 2) == 0 || strncmp(at + 1, ".T", 2) == 0 ||
                              strncmp(at + 1, ".P", 2) == 0 || strncmp(at + 1, ".B ", 3) == 0,
                          "%.20s", at + 1);
}
END_TEST

START_TEST(completion_knows_verbs_options_and_choices)
{
    program_write_completion(&program, "bash", &out);
    ck_assert(written("'') words='order stock serve help completion ' ;;"));
    ck_assert(written("'order') words='place show ' ;;"));
    ck_assert(written("--output|-o) words='json csv' value=1 ;;"));
    ck_assert(written("--http.listen"));
    ck_assert(written("complete -o default -F _prog prog"));
}
END_TEST

Suite *base_program_suite(void);
Suite *base_program_suite(void)
{
    Suite *suite = suite_create("base_program");
    TCase *tc = tcase_create("program");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, words_options_and_settings_are_told_apart, 0, COUNT_OF(good));
    tcase_add_test(tc, values_are_where_they_were_given);
    tcase_add_loop_test(tc, a_fault_is_told_with_the_way_out, 0, COUNT_OF(bad));
    tcase_add_test(tc, help_and_version_need_nothing_else);
    tcase_add_test(tc, help_names_every_verb_option_and_variable);
    tcase_add_test(tc, help_on_a_group_and_on_a_verb);
    tcase_add_loop_test(tc, help_and_completion_refuse_what_is_not_there, 0, COUNT_OF(unknown));
    tcase_add_test(tc, the_man_page_is_roff);
    tcase_add_test(tc, completion_knows_verbs_options_and_choices);
    suite_add_tcase(suite, tc);
    return suite;
}
