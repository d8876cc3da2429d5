/* SPDX-License-Identifier: Apache-2.0 */
/* What librdkafka says is a line of our log, in our form; nothing of it is raw on standard error.
 */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "kafka/admin.h"
#include "kafka/producer.h"
#include "kafka/reader.h"
#include "tests/support/expect.h"

Suite *kafka_client_log_suite(void);

enum { TEXT_MAX = 65536 };

static int captured = -1;
static int original = -1;

static void setup(void)
{
    log_init(LOG_INFO, LOG_FORMAT_JSON);
    captured = memfd_create("log", MFD_CLOEXEC);
    ck_assert_int_ge(captured, 0);
    ck_assert_int_eq(fcntl(captured, F_SETFL, O_APPEND), 0);
    original = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(captured, STDERR_FILENO), STDERR_FILENO);
}

static void teardown(void)
{
    dup2(original, STDERR_FILENO);
    close(original);
    close(captured);
    log_init(LOG_INFO, LOG_FORMAT_AUTO);
}

static struct str written(void)
{
    static char text[TEXT_MAX];
    ssize_t len = pread(captured, text, sizeof(text), 0);

    ck_assert_int_ge(len, 0);
    return str_from(text, (size_t)len);
}

static struct kafka_config config_of(const struct kafka_pair *pairs, size_t count)
{
    return (struct kafka_config){.common = {pairs, count}, .client_id = "test"};
}

/* A client that can not use one of its settings says so when it is made. */
START_TEST(a_warning_becomes_one_json_line)
{
    static const struct kafka_pair pairs[] = {{"bootstrap.servers", "127.0.0.1:9"},
                                              {"fetch.min.bytes", "7"}};
    struct kafka_config config = config_of(pairs, 2);
    SCOPED(kafka_admin_free) struct kafka_admin *admin = NULL;
    SCOPED(json_decref) json_t *line = NULL;
    struct error err = {0};
    struct str text, rest;

    ck_assert(kafka_admin_new(&config, &admin, &err));
    text = str_split(written(), '\n', &rest);
    EXPECT_STR(rest, "");
    ck_assert_msg(json_parse_stored(text, &line, &err), STR_FMT, STR_ARG(text));
    ck_assert_str_eq(json_string_value(json_object_get(line, "msg")), "kafka client");
    ck_assert_str_eq(json_string_value(json_object_get(line, "level")), "warn");
    ck_assert_str_eq(json_string_value(json_object_get(line, "facility")), "CONFWARN");
    ck_assert_ptr_nonnull(
        strstr(json_string_value(json_object_get(line, "text")), "fetch.min.bytes"));
}
END_TEST

/* Our own settings fit the kind of client they are for. */
START_TEST(no_client_warns_of_a_setting_of_ours)
{
    static const struct kafka_pair pairs[] = {{"bootstrap.servers", "127.0.0.1:9"}};
    struct kafka_config config = config_of(pairs, 1);
    struct kafka_producer_config producing = {
        .kafka = &config,
        .transactional_id = "test",
        .transaction_timeout_ms = 15000,
        .message_bytes_max = 1 << 20,
    };
    SCOPED(kafka_admin_free) struct kafka_admin *admin = NULL;
    SCOPED(kafka_producer_free) struct kafka_producer *producer = NULL;
    SCOPED(kafka_reader_free) struct kafka_reader *reader = NULL;
    struct error err = {0};

    ck_assert(kafka_admin_new(&config, &admin, &err));
    ck_assert(kafka_producer_new(&producing, &producer, &err));
    ck_assert(kafka_reader_new(&config, KAFKA_READ_COMMITTED, &reader, &err));
    EXPECT_STR(written(), "");
}
END_TEST

Suite *kafka_client_log_suite(void)
{
    Suite *suite = suite_create("kafka_client_log");
    TCase *tcase = tcase_create("lines");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_warning_becomes_one_json_line);
    tcase_add_test(tcase, no_client_warns_of_a_setting_of_ours);
    suite_add_tcase(suite, tcase);
    return suite;
}
