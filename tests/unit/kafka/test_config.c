/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/config.h"

#include <check.h>

#include "base/buf.h"
#include "tests/support/expect.h"

Suite *kafka_config_suite(void);

static struct buf faults;

static void setup(void)
{
    buf_init(&faults, 4096);
}

static void teardown(void)
{
    buf_release(&faults);
}

static void note(void *arg, const char *section, const char *key, const char *why)
{
    buf_printf(arg, "%s.%s: %s\n", section, key, why);
}

static bool check(const char *key, const char *value)
{
    struct kafka_pair pair = {key, value};
    struct kafka_config config = {.producer = {&pair, 1}, .client_id = "test"};

    return kafka_config_check(&config, note, &faults);
}

START_TEST(what_librdkafka_takes_passes)
{
    ck_assert(check("linger.ms", "2"));
    ck_assert(check("compression.codec", "lz4"));
    ck_assert(check("socket.max.fails", "1"));
    ck_assert_uint_eq(faults.len, 0);
}
END_TEST

static const struct {
    const char *key, *value, *fault;
} rows[] = {
    {"brokers", "here:9092",
     "kafka.producer.brokers: it is called kafka.bootstrap.servers "
     "(DAYBOOK_KAFKA_BOOTSTRAP_SERVERS)\n"},
    {"no.such", "x", "kafka.producer.no.such: librdkafka knows no such property\n"},
    {"batch.num.mesages", "2",
     "kafka.producer.batch.num.mesages: librdkafka knows no such property; did you mean "
     "'batch.num.messages'?\n"},
    {"bootstrap.server", "here:9092",
     "kafka.producer.bootstrap.server: librdkafka knows no such property; did you mean "
     "'bootstrap.servers'?\n"},
    {"batch.num.messages", "often",
     "kafka.producer.batch.num.messages: Invalid value for configuration property "
     "\"batch.num.messages\"\n"},
    {"socket.max.fails", "3",
     "kafka.producer.socket.max.fails: only 1 is allowed: every failed request must close its "
     "connection\n"},
    {"isolation.level", "read_uncommitted",
     "kafka.producer.isolation.level: a reader would see events of aborted transactions\n"},
    {"transactional.id", "mine",
     "kafka.producer.transactional.id: it is made from the log's UUID, so that publishers fence "
     "each other\n"},
};

START_TEST(every_fault_is_told_with_its_key)
{
    ck_assert(!check(rows[_i].key, rows[_i].value));
    EXPECT_STR(buf_str(&faults), rows[_i].fault);
}
END_TEST

START_TEST(all_faults_are_told_at_once)
{
    struct kafka_pair common[] = {{"group.id", "x"}, {"bootstrap.servers", "here:9092"}};
    struct kafka_pair consumer[] = {{"no.such", "x"}};
    struct kafka_config config = {.common = {common, 2}, .consumer = {consumer, 1}};

    ck_assert(!kafka_config_check(&config, note, &faults));
    EXPECT_STR(buf_str(&faults), "kafka.group.id: Daybook names its own groups and members\n"
                                 "kafka.consumer.no.such: librdkafka knows no such property\n");
}
END_TEST

START_TEST(a_secret_is_never_repeated)
{
    ck_assert(kafka_key_is_secret("sasl.password"));
    ck_assert(kafka_key_is_secret("ssl.key.pem"));
    ck_assert(!kafka_key_is_secret("sasl.username"));
}
END_TEST

Suite *kafka_config_suite(void)
{
    Suite *suite = suite_create("kafka_config");
    TCase *tcase = tcase_create("config");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_librdkafka_takes_passes);
    tcase_add_loop_test(tcase, every_fault_is_told_with_its_key, 0, COUNT_OF(rows));
    tcase_add_test(tcase, all_faults_are_told_at_once);
    tcase_add_test(tcase, a_secret_is_never_repeated);
    suite_add_tcase(suite, tcase);
    return suite;
}
