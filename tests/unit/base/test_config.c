/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <check.h>

#include "base/mem.h"
#include "tests/support/death.h"
#include "tests/support/expect.h"
#include "tests/unit/base/config_fixture.h"

Suite *base_config_suite(void);

START_TEST(defaults_hold_where_nothing_is_set)
{
    const struct config *config = config_expect(config_write(""));

    ck_assert_str_eq(config_text(config, "logging.level"), "info");
    ck_assert_str_eq(config_text(config, "instance.name"), ""); /* no preset */
    ck_assert_str_eq(config_text(config, "http.listen"), "127.0.0.1:8080");
    ck_assert_int_eq(config_number(config, "http.threads"), 2);
    ck_assert_int_eq(config_number(config, "http.idle_timeout"), 60000);
    ck_assert_int_eq(config_number(config, "http.body_bytes_max"), 256 * 1024);
    ck_assert_int_eq(config_number(config, "eventlog.offset"), -1);
    ck_assert(!config_bool(config, "http.trace"));
    for (size_t i = 0; i < test_schema.settings_count; i++) {
        ck_assert(config_is_default(config, test_schema.settings[i].key));
        ck_assert_str_eq(config_source(config, test_schema.settings[i].key), "default");
    }
}
END_TEST

START_TEST(the_default_file_may_be_absent)
{
    ck_assert(config_is_default(config_expect(NULL), "http.threads"));
}
END_TEST

/* Each source over the one before. */
START_TEST(a_flag_beats_the_environment_beats_the_file)
{
    const char *path = config_write("[http]\nthreads = 3\nlisten = file\ntrace = true\n");
    const struct config *config;

    config_environment("DAYBOOK_HTTP_THREADS=4");
    config_environment("DAYBOOK_HTTP_LISTEN=environment");
    config_flag_add("http.threads", "5");
    config = config_expect(path);
    ck_assert_int_eq(config_number(config, "http.threads"), 5);
    ck_assert_str_eq(config_source(config, "http.threads"), "flag http.threads");
    ck_assert_str_eq(config_text(config, "http.listen"), "environment");
    ck_assert(config_bool(config, "http.trace"));
    ck_assert(!config_is_default(config, "http.trace"));
}
END_TEST

START_TEST(a_value_equal_to_the_default_is_not_the_default)
{
    const struct config *config = config_expect(config_write("[http]\nthreads = 2\n"));

    ck_assert(!config_is_default(config, "http.threads"));
}
END_TEST

START_TEST(faults_of_all_sources_are_told_at_once)
{
    const char *path = config_write("[http]\nthreads = 0\n");

    config_environment("DAYBOOK_HTTP_TRACE=maybe");
    config_flag_add("http.listne", "x");
    config_flag_add("logging.level", "loud");
    config_expect_faults(path,
                         "%s:2: 'http.threads' must be a whole number from 1 to 64, not '0'\n"
                         "environment DAYBOOK_HTTP_TRACE: 'http.trace' must be true or false, not "
                         "'maybe'\n"
                         "flag http.listne: unknown key 'http.listne'; did you mean "
                         "'http.listen'?\n"
                         "flag logging.level: 'logging.level' must be one of "
                         "debug|info|warn|error, not 'loud'\n");
}
END_TEST

START_TEST(a_wrong_value_is_a_fault_even_if_a_later_source_corrects_it)
{
    const char *path = config_write("[http]\nthreads = 0\n");

    config_flag_add("http.threads", "5");
    ck_assert_ptr_null(config_try(path));
}
END_TEST

START_TEST(a_flag_given_twice_is_a_fault)
{
    config_flag_add("http.threads", "5");
    config_flag_add("http.threads", "6");
    config_expect_faults(config_write(""),
                         "flag http.threads: 'http.threads' was set already, flag http.threads\n");
}
END_TEST

START_TEST(a_flag_may_set_a_pair)
{
    const struct config *config;
    const char *key;
    const char *value;

    config_flag_add("kafka.bootstrap.servers", "b:1");
    config = config_expect(config_write(""));
    ck_assert(config_pair(config, "kafka", 0, &key, &value));
    ck_assert_str_eq(key, "bootstrap.servers");
    ck_assert_str_eq(value, "b:1");
}
END_TEST

START_TEST(the_error_counts_the_faults)
{
    char *const empty[] = {NULL};
    const struct config_flag two[] = {{"x", "1"}, {"y", "2"}};
    struct config *config = NULL;
    char *faults = NULL;
    struct error err = {0};

    ck_assert(!config_load(&test_schema, config_write(""), two, 1, empty, &config, &faults, &err));
    ck_assert_str_eq(err.text, "1 fault in the configuration");
    mem_free(faults);
    ck_assert(!config_load(&test_schema, config_write(""), two, 2, empty, &config, &faults, &err));
    ck_assert_str_eq(err.text, "2 faults in the configuration");
    mem_free(faults);
    ck_assert_ptr_null(config);
}
END_TEST

START_TEST(strings_outlive_what_they_came_from)
{
    char variable[] = "DAYBOOK_HTTP_LISTEN=first";
    char *const environment[] = {variable, NULL};
    SCOPED(config_free) struct config *config = NULL;
    char *faults = NULL;
    struct error err = {0};

    ck_assert(
        config_load(&test_schema, config_write(""), NULL, 0, environment, &config, &faults, &err));
    variable[sizeof(variable) - 3] = 'X';
    ck_assert_str_eq(config_text(config, "http.listen"), "first");
}
END_TEST

START_TEST(free_of_null_is_fine)
{
    config_free(NULL);
}
END_TEST

#ifndef DAYBOOK_SANITIZED
START_TEST(asking_for_an_unknown_key_is_a_bug)
{
    const struct config *config = config_expect(config_write(""));

    death_expected();
    config_text(config, "no.such.key");
}
END_TEST

START_TEST(asking_for_the_number_of_a_text_is_a_bug)
{
    const struct config *config = config_expect(config_write(""));

    death_expected();
    config_number(config, "http.listen");
}
END_TEST

START_TEST(asking_for_the_truth_of_a_number_is_a_bug)
{
    const struct config *config = config_expect(config_write(""));

    death_expected();
    config_bool(config, "http.threads");
}
END_TEST

START_TEST(a_default_that_its_setting_refuses_is_a_bug)
{
    static const struct setting wrong[] = {
        {.key = "a.b", .type = SETTING_DURATION, .preset = "5", .text = "x"}};
    const struct config_schema schema = {.settings = wrong, .settings_count = 1};
    char *const empty[] = {NULL};
    struct config *config;
    char *faults;
    struct error err;

    death_expected();
    ck_assert(config_load(&schema, config_write(""), NULL, 0, empty, &config, &faults, &err));
}
END_TEST
#endif

Suite *base_config_suite(void)
{
    Suite *suite = suite_create("base_config");
    TCase *tc = tcase_create("config");

    tcase_add_checked_fixture(tc, config_setup, config_teardown);
    tcase_add_test(tc, defaults_hold_where_nothing_is_set);
    tcase_add_test(tc, the_default_file_may_be_absent);
    tcase_add_test(tc, a_flag_beats_the_environment_beats_the_file);
    tcase_add_test(tc, a_value_equal_to_the_default_is_not_the_default);
    tcase_add_test(tc, faults_of_all_sources_are_told_at_once);
    tcase_add_test(tc, a_wrong_value_is_a_fault_even_if_a_later_source_corrects_it);
    tcase_add_test(tc, a_flag_given_twice_is_a_fault);
    tcase_add_test(tc, a_flag_may_set_a_pair);
    tcase_add_test(tc, the_error_counts_the_faults);
    tcase_add_test(tc, strings_outlive_what_they_came_from);
    tcase_add_test(tc, free_of_null_is_fine);
#ifndef DAYBOOK_SANITIZED
    tcase_add_test_raise_signal(tc, asking_for_an_unknown_key_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tc, asking_for_the_number_of_a_text_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tc, asking_for_the_truth_of_a_number_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tc, a_default_that_its_setting_refuses_is_a_bug, SIGABRT);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}
