/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/config_internal.h"
#include "tests/support/expect.h"
#include "tests/unit/base/config_fixture.h"

Suite *base_config_set_suite(void);

static const char *write_with(const char *fmt, ...) PRINTF_LIKE(1, 2);
static const char *write_with(const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return config_write(text);
}

static const char *pair_of(const struct config *config, const char *section, const char *key)
{
    const char *found;
    const char *value;

    for (size_t i = 0; config_pair(config, section, i, &found, &value); i++) {
        if (strcmp(found, key) == 0)
            return value;
    }
    return NULL;
}

START_TEST(a_secret_may_stand_in_a_private_file)
{
    const struct config *config =
        config_expect(config_write("[postgres]\nurl = postgresql://u:p@h/d\n"));

    ck_assert_str_eq(config_text(config, "postgres.url"), "postgresql://u:p@h/d");
}
END_TEST

START_TEST(a_secret_in_a_file_that_everyone_can_read_is_a_fault)
{
    const char *path = temp_write(config_dir, "daybook.conf",
                                  STR("[postgres]\nurl = postgresql://u:p@h/d\n"
                                      "[kafka]\nsasl.password = p\n"),
                                  0644);

    config_expect_faults(
        path, "%s:2: 'postgres.url' is a secret and everyone can read this file; chmod o-r it, or "
              "use 'postgres.url_file'\n"
              "%s:4: 'kafka.sasl.password' is a secret and everyone can read this file; chmod o-r "
              "it, or use 'kafka.sasl.password_file'\n");
}
END_TEST

START_TEST(a_group_may_read_a_secret)
{
    config_expect(temp_write(config_dir, "daybook.conf", STR("[postgres]\nurl = x\n"), 0640));
}
END_TEST

START_TEST(a_file_that_everyone_can_read_may_hold_all_else)
{
    config_expect(temp_write(config_dir, "daybook.conf",
                             STR("[http]\nthreads = 3\n[kafka]\nbootstrap.servers = b\n"), 0644));
}
END_TEST

/* The world-readable file was one part, the secret stands in another. */
START_TEST(each_file_is_judged_by_its_own_mode)
{
    const char *path = temp_write(config_dir, "daybook.conf", STR("[http]\nthreads = 3\n"), 0644);

    ck_assert_int_eq(mkdir(temp_path(config_dir, "daybook.conf.d"), 0755), 0);
    temp_write(config_dir, "daybook.conf.d/secret.conf", STR("[postgres]\nurl = x\n"), 0600);
    config_expect(path);
}
END_TEST

START_TEST(a_readable_file_does_not_spoil_a_secret_of_the_environment)
{
    const char *path = temp_write(config_dir, "daybook.conf", STR("[http]\nthreads = 3\n"), 0644);

    config_environment("DAYBOOK_POSTGRES_URL=postgresql://u:p@h/d");
    ck_assert_str_eq(config_text(config_expect(path), "postgres.url"), "postgresql://u:p@h/d");
}
END_TEST

static const struct {
    struct str content;
    const char *value;
} secrets[] = {
    {STR_INIT("postgresql://u:p@h/d"), "postgresql://u:p@h/d"},
    {STR_INIT("postgresql://u:p@h/d\n"), "postgresql://u:p@h/d"},
    {STR_INIT("postgresql://u:p@h/d\r\n"), "postgresql://u:p@h/d"},
    {STR_INIT("x\n\n"), "x"},
    {STR_INIT(" x "), " x "},
    {STR_INIT(""), ""},
    {STR_INIT("a # \"b\" = c"), "a # \"b\" = c"},
};

START_TEST(a_secret_is_read_from_its_file)
{
    const char *secret = temp_write(config_dir, "secret", secrets[_i].content, 0600);
    const struct config *config = config_expect(write_with("[postgres]\nurl_file = %s\n", secret));

    ck_assert_str_eq(config_text(config, "postgres.url"), secrets[_i].value);
    ck_assert(!config_is_default(config, "postgres.url"));
    ck_assert_ptr_nonnull(strstr(config_source(config, "postgres.url"), "daybook.conf:2"));
}
END_TEST

START_TEST(a_secrets_file_may_be_named_where_everyone_can_read)
{
    const char *secret = temp_write(config_dir, "secret", STR("x"), 0400);
    char text[256];

    snprintf(text, sizeof(text), "[postgres]\nurl_file = %s\n", secret);
    config_expect(temp_write(config_dir, "daybook.conf", str_of(text), 0644));
    config_flag_add("postgres.url_file", secret);
    config_expect(NULL);
}
END_TEST

static void expect_secret_fault(const char *secret, const char *fault)
{
    const char *path = write_with("[postgres]\nurl_file = %s\n", secret);
    char expected[512];

    snprintf(expected, sizeof(expected), "%s:2: the secret's file '%s' %s\n", path, secret, fault);
    ck_assert_ptr_null(config_try(path));
    ck_assert_str_eq(config_faults(), expected);
}

START_TEST(a_secrets_file_must_be_private_regular_and_there)
{
    const char *fifo = temp_path(config_dir, "fifo");

    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    expect_secret_fault(temp_write(config_dir, "open", STR("x"), 0604),
                        "can be read by everyone; chmod o-r it");
    expect_secret_fault(temp_path(config_dir, "none"), "does not exist");
    expect_secret_fault(config_dir->path, "is not a regular file");
    expect_secret_fault(fifo, "is not a regular file");
}
END_TEST

START_TEST(a_secrets_file_is_bounded)
{
    static char content[CONFIG_SECRET_BYTES_MAX + 1];
    const char *secret;

    memset(content, 'x', sizeof(content));
    secret = temp_write(config_dir, "long", str_from(content, sizeof(content)), 0600);
    expect_secret_fault(secret, "is longer than 65536 bytes");
    temp_write(config_dir, "long", str_from(content, sizeof(content) - 1), 0600);
    config_expect(write_with("[postgres]\nurl_file = %s\n", secret));
}
END_TEST

START_TEST(a_bad_secret_is_not_shown)
{
    const char *secret = temp_write(config_dir, "secret", STR("hidden\nhidden"), 0600);

    config_expect_faults(write_with("[postgres]\nurl_file = %s\n", secret),
                         "%s:2: 'postgres.url' must be a single line of UTF-8, not 'what was "
                         "given'\n");
}
END_TEST

START_TEST(a_secret_and_its_file_in_one_place_are_a_fault)
{
    const char *secret = temp_write(config_dir, "secret", STR("x"), 0600);

    config_expect_faults(write_with("[postgres]\nurl = a\nurl_file = %s\n", secret),
                         "%s:3: 'postgres.url' was set already, %s:2\n");
}
END_TEST

START_TEST(only_secrets_come_from_files)
{
    config_expect_faults(config_write("[http]\nlisten_file = /etc/passwd\n"),
                         "%s:2: unknown key 'http.listen_file'\n");
}
END_TEST

START_TEST(secrets_on_the_command_line_are_a_fault)
{
    config_flag_add("postgres.url", "postgresql://u:p@h/d");
    config_flag_add("kafka.sasl.password", "p");
    ck_assert_ptr_null(config_try(config_write("")));
    ck_assert_str_eq(config_faults(),
                     "flag postgres.url: a secret on the command line can be seen by everyone; use "
                     "'postgres.url_file'\n"
                     "flag kafka.sasl.password: a secret on the command line can be seen by "
                     "everyone; use 'kafka.sasl.password_file'\n");
}
END_TEST

START_TEST(pairs_are_passed_through_in_order)
{
    const struct config *config = config_expect(config_write("[kafka]\n"
                                                             "bootstrap.servers = a:1,b:2\n"
                                                             "client.id = x\n"
                                                             "[kafka.producer]\n"
                                                             "linger.ms = 5\n"
                                                             "[other]\n"
                                                             "any thing = \"at all\"\n"));
    const char *key;
    const char *value;

    ck_assert(config_pair(config, "kafka", 0, &key, &value));
    ck_assert_str_eq(key, "bootstrap.servers");
    ck_assert_str_eq(value, "a:1,b:2");
    ck_assert(config_pair(config, "kafka", 1, &key, &value));
    ck_assert_str_eq(key, "client.id");
    ck_assert(!config_pair(config, "kafka", 2, &key, &value));
    ck_assert(config_pair(config, "kafka.producer", 0, &key, &value));
    ck_assert_str_eq(key, "linger.ms");
    ck_assert_str_eq(value, "5");
    ck_assert(!config_pair(config, "kafka.producer", 1, &key, &value));
    ck_assert_str_eq(pair_of(config, "other", "any thing"), "at all");
    ck_assert(!config_pair(config, "nowhere", 0, &key, &value));
}
END_TEST

START_TEST(the_longest_section_takes_a_pair)
{
    const struct config *config =
        config_expect(config_write("[kafka]\nproducer.linger.ms = 5\nproducers = 6\n"));

    ck_assert_str_eq(pair_of(config, "kafka.producer", "linger.ms"), "5");
    ck_assert_ptr_null(pair_of(config, "kafka", "producer.linger.ms"));
    ck_assert_str_eq(pair_of(config, "kafka", "producers"), "6");
}
END_TEST

START_TEST(a_later_source_changes_a_pair_in_its_place)
{
    const struct config *config;
    const char *key;
    const char *value;

    config_environment("DAYBOOK_KAFKA_BOOTSTRAP_SERVERS=second:1");
    config_environment("DAYBOOK_KAFKA_ACKS=all");
    config = config_expect(config_write("[kafka]\nbootstrap.servers = first:1\nclient.id = x\n"));
    ck_assert(config_pair(config, "kafka", 0, &key, &value));
    ck_assert_str_eq(key, "bootstrap.servers");
    ck_assert_str_eq(value, "second:1");
    ck_assert(config_pair(config, "kafka", 2, &key, &value));
    ck_assert_str_eq(key, "acks");
}
END_TEST

START_TEST(a_pair_set_twice_in_one_file_is_a_fault)
{
    config_expect_faults(config_write("[kafka]\nclient.id = a\nclient.id = b\n"),
                         "%s:3: 'kafka.client.id' was set already, %s:2\n");
}
END_TEST

START_TEST(a_refused_key_comes_with_its_reason)
{
    config_expect_faults(config_write("[kafka]\n"
                                      "enable.idempotence = false\n"
                                      "[kafka.producer]\n"
                                      "transactional.id = x\n"
                                      "[other]\n"
                                      "transactional.id = x\n"),
                         "%s:2: 'kafka.enable.idempotence' cannot be set: exactly-once depends on "
                         "it\n"
                         "%s:4: 'kafka.producer.transactional.id' cannot be set: it is made of the "
                         "log's id\n");
}
END_TEST

START_TEST(a_refused_key_cannot_come_from_a_file_either)
{
    const char *secret = temp_write(config_dir, "secret", STR("x"), 0600);

    config_expect_faults(write_with("[kafka]\ntransactional.id_file = %s\n", secret),
                         "%s:2: 'kafka.transactional.id' cannot be set: it is made of the log's "
                         "id\n");
}
END_TEST

START_TEST(a_pair_may_come_from_a_file)
{
    const char *secret = temp_write(config_dir, "secret", STR("s3cret\n"), 0600);
    const struct config *config =
        config_expect(write_with("[kafka]\nsasl.password_file = %s\n", secret));

    ck_assert_str_eq(pair_of(config, "kafka", "sasl.password"), "s3cret");
    ck_assert_ptr_null(pair_of(config, "kafka", "sasl.password_file"));
}
END_TEST

/* A key in PEM has many lines. */
START_TEST(a_pair_from_a_file_keeps_its_lines)
{
    const char *secret = temp_write(config_dir, "key.pem", STR("BEGIN\nabc\nEND\n"), 0600);
    const struct config *config =
        config_expect(write_with("[kafka]\nssl.key.pem_file = %s\n", secret));

    ck_assert_str_eq(pair_of(config, "kafka", "ssl.key.pem"), "BEGIN\nabc\nEND");
}
END_TEST

START_TEST(a_section_alone_is_no_pair)
{
    config_expect_faults(config_write("[kafka]\n[x]\nkafka = 1\n"),
                         "%s:3: unknown key 'x.kafka'\n");
}
END_TEST

static const struct {
    const char *key;
    bool secret;
} pair_keys[] = {
    {"sasl.password", true},           {"ssl.key.password", true},
    {"ssl.keystore.password", true},   {"sasl.oauthbearer.client.secret", true},
    {"sasl.oauthbearer.config", true}, {"ssl.key.pem", true},
    {"bootstrap.servers", false},      {"sasl.username", false},
    {"ssl.key.location", false},       {"linger.ms", false},
};

START_TEST(properties_that_hold_secrets_are_known)
{
    ck_assert_int_eq(config_is_secret_pair(pair_keys[_i].key), pair_keys[_i].secret);
}
END_TEST

Suite *base_config_set_suite(void)
{
    Suite *suite = suite_create("base_config_set");
    TCase *tc = tcase_create("config_set");

    tcase_add_checked_fixture(tc, config_setup, config_teardown);
    tcase_add_test(tc, a_secret_may_stand_in_a_private_file);
    tcase_add_test(tc, a_secret_in_a_file_that_everyone_can_read_is_a_fault);
    tcase_add_test(tc, a_group_may_read_a_secret);
    tcase_add_test(tc, a_file_that_everyone_can_read_may_hold_all_else);
    tcase_add_test(tc, each_file_is_judged_by_its_own_mode);
    tcase_add_test(tc, a_readable_file_does_not_spoil_a_secret_of_the_environment);
    tcase_add_loop_test(tc, a_secret_is_read_from_its_file, 0, COUNT_OF(secrets));
    tcase_add_test(tc, a_secrets_file_may_be_named_where_everyone_can_read);
    tcase_add_test(tc, a_secrets_file_must_be_private_regular_and_there);
    tcase_add_test(tc, a_secrets_file_is_bounded);
    tcase_add_test(tc, a_bad_secret_is_not_shown);
    tcase_add_test(tc, a_secret_and_its_file_in_one_place_are_a_fault);
    tcase_add_test(tc, only_secrets_come_from_files);
    tcase_add_test(tc, secrets_on_the_command_line_are_a_fault);
    tcase_add_test(tc, pairs_are_passed_through_in_order);
    tcase_add_test(tc, the_longest_section_takes_a_pair);
    tcase_add_test(tc, a_later_source_changes_a_pair_in_its_place);
    tcase_add_test(tc, a_pair_set_twice_in_one_file_is_a_fault);
    tcase_add_test(tc, a_refused_key_comes_with_its_reason);
    tcase_add_test(tc, a_refused_key_cannot_come_from_a_file_either);
    tcase_add_test(tc, a_pair_may_come_from_a_file);
    tcase_add_test(tc, a_pair_from_a_file_keeps_its_lines);
    tcase_add_test(tc, a_section_alone_is_no_pair);
    tcase_add_loop_test(tc, properties_that_hold_secrets_are_known, 0, COUNT_OF(pair_keys));
    suite_add_tcase(suite, tc);
    return suite;
}
