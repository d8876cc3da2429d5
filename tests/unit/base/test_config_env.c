/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>

#include "base/config_internal.h"
#include "tests/support/expect.h"
#include "tests/unit/base/config_fixture.h"

Suite *base_config_env_suite(void);

START_TEST(a_variable_sets_its_key)
{
    const struct config *config;

    config_environment("DAYBOOK_HTTP_THREADS=7");
    config_environment("DAYBOOK_HTTP_BODY_BYTES_MAX=1MiB");
    config_environment("DAYBOOK_POSTGRES_URL=postgresql://h/d?a=b&c=d");
    config_environment("DAYBOOK_INSTANCE_NAME=");
    config = config_expect(config_write("[http]\nthreads = 3\n"));
    ck_assert_int_eq(config_number(config, "http.threads"), 7);
    ck_assert_int_eq(config_number(config, "http.body_bytes_max"), 1024 * 1024);
    ck_assert_str_eq(config_text(config, "postgres.url"), "postgresql://h/d?a=b&c=d");
    ck_assert_str_eq(config_text(config, "instance.name"), "");
    ck_assert_str_eq(config_source(config, "http.threads"), "environment DAYBOOK_HTTP_THREADS");
}
END_TEST

static const char *const foreign[] = {
    "PATH=/bin",
    "HTTP_THREADS=9",
    "XDAYBOOK_HTTP_THREADS=9",
    "daybook_http_threads=9",
    "DAYBOOK=9",
    "DAYBOOKX_Y=9",
    "DAYBOOK_TEST_DATABASE_URL=x",
    "DAYBOOK_TEST_=x",
    "DAYBOOK_URL=http://127.0.0.1:8080",
    "DAYBOOK_BUILD=asan",
    "DAYBOOK_VERSION=0.1",
    "",
    "=",
};

START_TEST(variables_of_others_are_passed_over)
{
    config_environment(foreign[_i]);
    ck_assert(config_is_default(config_expect(config_write("")), "http.threads"));
}
END_TEST

static const struct {
    const char *variable;
    const char *fault;
} faulty[] = {
    {"DAYBOOK_HTTP_THRAEDS=1",
     "environment DAYBOOK_HTTP_THRAEDS: no setting has this name; did you mean "
     "DAYBOOK_HTTP_THREADS?\n"},
    {"DAYBOOK_WHATEVER=1", "environment DAYBOOK_WHATEVER: no setting has this name\n"},
    {"DAYBOOK_=1", "environment DAYBOOK_: no setting has this name\n"},
    {"DAYBOOK_HTTP_THREADS", /* no '=' at all */
     "environment DAYBOOK_HTTP_THREADS: 'http.threads' must be a whole number from 1 to 64, not "
     "''\n"},
    {"DAYBOOK_HTTP_THREADS=many", "environment DAYBOOK_HTTP_THREADS: 'http.threads' must be a "
                                  "whole number from 1 to 64, not 'many'\n"},
    {"DAYBOOK_HTTP_LISTEN=a\nb", "environment DAYBOOK_HTTP_LISTEN: 'http.listen' must be a single "
                                 "line of UTF-8, not 'a?b'\n"},
    {"DAYBOOK_HTTP_LISTEN_FILE=/etc/passwd",
     "environment DAYBOOK_HTTP_LISTEN_FILE: no setting has this name\n"},
    {"DAYBOOK_POSTGRES_URLS=x", "environment DAYBOOK_POSTGRES_URLS: no setting has this name; did "
                                "you mean DAYBOOK_POSTGRES_URL?\n"},
    {"DAYBOOK_KAFKA=x", "environment DAYBOOK_KAFKA: no setting has this name\n"},
    {"DAYBOOK_KAFKA_TRANSACTIONAL_ID=x",
     "environment DAYBOOK_KAFKA_TRANSACTIONAL_ID: 'kafka.transactional.id' cannot be set: it is "
     "made of the log's id\n"},
};

START_TEST(a_variable_that_is_wrong_is_a_fault)
{
    config_environment(faulty[_i].variable);
    config_expect_faults(config_write(""), faulty[_i].fault);
}
END_TEST

START_TEST(underscores_of_properties_become_dots)
{
    const struct config *config;
    const char *key;
    const char *value;

    config_environment("DAYBOOK_KAFKA_BOOTSTRAP_SERVERS=b:9092");
    config_environment("DAYBOOK_KAFKA_PRODUCER_LINGER_MS=5");
    config = config_expect(config_write(""));
    ck_assert(config_pair(config, "kafka", 0, &key, &value));
    ck_assert_str_eq(key, "bootstrap.servers");
    ck_assert_str_eq(value, "b:9092");
    ck_assert(!config_pair(config, "kafka", 1, &key, &value));
    ck_assert(config_pair(config, "kafka.producer", 0, &key, &value));
    ck_assert_str_eq(key, "linger.ms");
    ck_assert_str_eq(value, "5");
}
END_TEST

START_TEST(secrets_come_from_files_that_variables_name)
{
    const char *secret = temp_write(config_dir, "secret", STR("s3cret\n"), 0600);
    const struct config *config;
    char variable[256];
    const char *key;
    const char *value;

    snprintf(variable, sizeof(variable), "DAYBOOK_POSTGRES_URL_FILE=%s", secret);
    config_environment(variable);
    snprintf(variable, sizeof(variable), "DAYBOOK_KAFKA_SASL_PASSWORD_FILE=%s", secret);
    config_environment(variable);
    config = config_expect(config_write(""));
    ck_assert_str_eq(config_text(config, "postgres.url"), "s3cret");
    ck_assert(config_pair(config, "kafka", 0, &key, &value));
    ck_assert_str_eq(key, "sasl.password");
    ck_assert_str_eq(value, "s3cret");
}
END_TEST

START_TEST(a_secret_and_its_file_in_the_environment_are_a_fault)
{
    const char *secret = temp_write(config_dir, "secret", STR("s3cret\n"), 0600);
    char variable[256];

    config_environment("DAYBOOK_POSTGRES_URL=x");
    snprintf(variable, sizeof(variable), "DAYBOOK_POSTGRES_URL_FILE=%s", secret);
    config_environment(variable);
    config_expect_faults(config_write(""),
                         "environment DAYBOOK_POSTGRES_URL_FILE: 'postgres.url' was set already, "
                         "environment DAYBOOK_POSTGRES_URL\n");
}
END_TEST

Suite *base_config_env_suite(void)
{
    Suite *suite = suite_create("base_config_env");
    TCase *tc = tcase_create("config_env");

    tcase_add_checked_fixture(tc, config_setup, config_teardown);
    tcase_add_test(tc, a_variable_sets_its_key);
    tcase_add_loop_test(tc, variables_of_others_are_passed_over, 0, COUNT_OF(foreign));
    tcase_add_loop_test(tc, a_variable_that_is_wrong_is_a_fault, 0, COUNT_OF(faulty));
    tcase_add_test(tc, underscores_of_properties_become_dots);
    tcase_add_test(tc, secrets_come_from_files_that_variables_name);
    tcase_add_test(tc, a_secret_and_its_file_in_the_environment_are_a_fault);
    suite_add_tcase(suite, tc);
    return suite;
}
