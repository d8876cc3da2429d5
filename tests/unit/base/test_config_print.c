/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>

#include "base/config_internal.h"
#include "tests/support/expect.h"
#include "tests/unit/base/config_fixture.h"

Suite *base_config_print_suite(void);

/* As config_print writes it; until the next call. */
static struct str print(const struct config *config)
{
    static struct buf out = BUF_INIT(100000);

    buf_clear(&out);
    config_print(config, &out);
    ck_assert(!out.failed);
    return buf_str(&out);
}

START_TEST(defaults_are_printed_with_their_source)
{
    EXPECT_STR(print(config_expect(config_write(""))), "[logging]\n"
                                                       "level = \"info\" # default\n"
                                                       "\n"
                                                       "[instance]\n"
                                                       "name = \"\" # default\n"
                                                       "\n"
                                                       "[http]\n"
                                                       "listen = \"127.0.0.1:8080\" # default\n"
                                                       "threads = \"2\" # default\n"
                                                       "idle_timeout = \"60s\" # default\n"
                                                       "body_bytes_max = \"256KiB\" # default\n"
                                                       "trace = \"false\" # default\n"
                                                       "\n"
                                                       "[postgres]\n"
                                                       "url = \"********\" # default\n"
                                                       "\n"
                                                       "[eventlog]\n"
                                                       "events = \"0\" # default\n"
                                                       "offset = \"-1\" # default\n");
}
END_TEST

static bool contains(struct str text, const char *part)
{
    return memmem(text.data, text.len, part, strlen(part)) != NULL;
}

START_TEST(sources_of_each_kind_are_named)
{
    const char *path = config_write("[http]\nthreads = 3\n");
    char line[200];
    struct str text;

    config_environment("DAYBOOK_HTTP_TRACE=true");
    config_flag_add("http.listen", "127.0.0.1:0");
    text = print(config_expect(path));
    snprintf(line, sizeof(line), "threads = \"3\" # %s:2\n", path);
    ck_assert(contains(text, line));
    ck_assert(contains(text, "trace = \"true\" # environment DAYBOOK_HTTP_TRACE\n"));
    ck_assert(contains(text, "listen = \"127.0.0.1:0\" # flag http.listen\n"));
}
END_TEST

START_TEST(pairs_are_printed_by_section_and_secrets_masked)
{
    struct str text = print(config_expect(config_write("[kafka]\n"
                                                       "bootstrap.servers = b:1\n"
                                                       "sasl.password = hush\n"
                                                       "[kafka.producer]\n"
                                                       "linger.ms = 5\n"
                                                       "[kafka]\n"
                                                       "client.id = c\n"
                                                       "[postgres]\n"
                                                       "url = hush\n")));

    ck_assert(!contains(text, "hush"));
    ck_assert(contains(text, "\n\n[kafka]\nbootstrap.servers = \"b:1\" # "));
    ck_assert(contains(text, "sasl.password = \"********\" # "));
    ck_assert(contains(text, "\n\n[kafka.producer]\nlinger.ms = \"5\" # "));
    ck_assert(contains(text, "url = \"********\" # "));
    ck_assert(str_index(text, '\0') == text.len);
}
END_TEST

/* Whether a secret is set can be seen, what it is cannot: not even its length. */
START_TEST(an_empty_secret_is_seen_to_be_empty)
{
    ck_assert(contains(print(config_expect(config_write("[postgres]\nurl =\n"))), "url = \"\" # "));
    ck_assert(contains(print(config_expect(config_write("[postgres]\nurl = x\n"))),
                       "url = \"********\" # "));
}
END_TEST

/* Whatever the values, what is printed is read as the same configuration. */
START_TEST(what_is_printed_can_be_read_back)
{
    const char *path = config_write("[instance]\nname = \"a \\\"b\\\" \\\\ # ; = [c] \"\n"
                                    "[http]\nlisten = 'single'\nthreads = 9\n"
                                    "[kafka]\nclient.id = \"# x\"\n");
    struct str first = print(config_expect(path));
    const struct config *config;
    const char *key;
    const char *value;

    config = config_expect(temp_write(config_dir, "printed.conf", first, 0600));
    ck_assert_str_eq(config_text(config, "instance.name"), "a \"b\" \\ # ; = [c] ");
    ck_assert_str_eq(config_text(config, "http.listen"), "'single'");
    ck_assert_int_eq(config_number(config, "http.threads"), 9);
    ck_assert(config_pair(config, "kafka", 0, &key, &value));
    ck_assert_str_eq(value, "# x");
}
END_TEST

START_TEST(explain_lists_every_setting)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(100000);
    struct str text;

    config_explain(&test_schema, &out);
    text = buf_str(&out);
    ck_assert(contains(text, "[logging]\n"
                             "# How much is logged.\n"
                             "# (one of debug|info|warn|error, reloaded by SIGHUP)\n"
                             "#level = \"info\"\n"));
    ck_assert(contains(text, "# Threads that parse.\n"
                             "# (whole number, 1 to 64)\n"
                             "#threads = \"2\"\n"));
    ck_assert(contains(text, "# (duration, 1s to 1h)\n#idle_timeout = \"60s\"\n"));
    ck_assert(contains(text, "# (size, 1KiB to 16MiB)\n#body_bytes_max = \"256KiB\"\n"));
    ck_assert(contains(text, "# (true or false)\n#trace = \"false\"\n"));
    ck_assert(contains(text, "# (text, secret: better url_file)\n"
                             "#url = \"postgresql:///daybook\"\n"));
    ck_assert(contains(text, "# (text)\n#name = \"\"\n"));
    ck_assert(contains(text, "# (whole number)\n#events = \"0\"\n"));
    ck_assert(contains(text, "[kafka]\n"
                             "# Any property of librdkafka.\n"
                             "# Not transactional.id: it is made of the log's id\n"
                             "# Not enable.idempotence: exactly-once depends on it\n"
                             "\n"
                             "[kafka.producer]\n"
                             "# The same, of producers.\n"));
    ck_assert(contains(text, "[other]\n# Nothing is refused here.\n"));
}
END_TEST

/* The explanation is a configuration file in which nothing is set; with the # taken off, defaults.
 */
START_TEST(explain_is_a_configuration_file)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(100000);
    SCOPED_VALUE(buf_release) struct buf enabled = BUF_INIT(100000);
    struct str rest;
    const struct config *config;

    config_explain(&test_schema, &out);
    config = config_expect(temp_write(config_dir, "sample.conf", buf_str(&out), 0600));
    ck_assert(config_is_default(config, "http.threads"));

    for (rest = buf_str(&out); rest.len > 0;) {
        struct str line = str_split(rest, '\n', &rest);

        if (line.len > 1 && line.data[0] == '#' && line.data[1] != ' ')
            line = str_from(line.data + 1, line.len - 1);
        buf_add_str(&enabled, line);
        buf_add_char(&enabled, '\n');
    }
    config = config_expect(temp_write(config_dir, "sample.conf", buf_str(&enabled), 0600));
    for (size_t i = 0; i < test_schema.settings_count; i++) {
        const struct setting *setting = &test_schema.settings[i];

        ck_assert(!config_is_default(config, setting->key));
        ck_assert_str_eq(config_text(config, setting->key),
                         setting->preset != NULL ? setting->preset : "");
    }
}
END_TEST

Suite *base_config_print_suite(void)
{
    Suite *suite = suite_create("base_config_print");
    TCase *tc = tcase_create("config_print");

    tcase_add_checked_fixture(tc, config_setup, config_teardown);
    tcase_add_test(tc, defaults_are_printed_with_their_source);
    tcase_add_test(tc, sources_of_each_kind_are_named);
    tcase_add_test(tc, pairs_are_printed_by_section_and_secrets_masked);
    tcase_add_test(tc, an_empty_secret_is_seen_to_be_empty);
    tcase_add_test(tc, what_is_printed_can_be_read_back);
    tcase_add_test(tc, explain_lists_every_setting);
    tcase_add_test(tc, explain_is_a_configuration_file);
    suite_add_tcase(suite, tc);
    return suite;
}
