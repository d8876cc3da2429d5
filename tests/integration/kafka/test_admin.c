/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/admin.h"

#include "tests/integration/kafka/kafka_fixture.h"

Suite *kafka_admin_suite(void);

static struct kafka_admin *admin;
static char name[FIXTURE_NAME_MAX];

static void setup(void)
{
    struct error err = {0};

    ck_ok(kafka_admin_new(fixture_kafka(), &admin, &err));
    fixture_name(name, "admin");
}

static void teardown(void)
{
    kafka_admin_free(admin);
}

static int32_t partitions(void)
{
    struct error err = {0};
    int32_t count;

    ck_ok(kafka_admin_partitions(admin, name, fixture_deadline(), &count, &err));
    return count;
}

START_TEST(a_topic_is_made_as_asked_and_can_be_described)
{
    const struct kafka_pair settings[] = {{"cleanup.policy", "compact"}, {"retention.ms", "12345"}};
    struct kafka_new_topic topic = {name, 3, 1, settings, 2};
    struct kafka_topic_setting asked[] = {
        {.key = "retention.ms"}, {.key = "cleanup.policy"}, {.key = "no.such.key"}};
    struct error err = {0};
    bool existed;

    ck_assert_int_eq(partitions(), 0);
    ck_ok(kafka_admin_create(admin, &topic, fixture_deadline(), &existed, &err));
    ck_assert(!existed);
    ck_assert_int_eq(partitions(), 3);
    ck_ok(kafka_admin_describe(admin, name, asked, 3, fixture_deadline(), &err));
    ck_assert_str_eq(asked[0].value, "12345");
    ck_assert_str_eq(asked[1].value, "compact");
    ck_assert_str_eq(asked[2].value, "");
}
END_TEST

START_TEST(a_topic_that_is_there_is_left_as_it_is)
{
    struct kafka_new_topic topic = {.name = name, .partitions = 2, .replication = 1};
    struct error err = {0};
    bool existed;

    ck_ok(kafka_admin_create(admin, &topic, fixture_deadline(), &existed, &err));
    topic.partitions = 5;
    ck_ok(kafka_admin_create(admin, &topic, fixture_deadline(), &existed, &err));
    ck_assert(existed);
    ck_assert_int_eq(partitions(), 2);
}
END_TEST

START_TEST(a_look_up_never_makes_a_topic)
{
    ck_assert_int_eq(partitions(), 0);
    ck_assert_int_eq(partitions(), 0);
}
END_TEST

START_TEST(a_deleted_topic_is_gone)
{
    struct kafka_new_topic topic = {.name = name, .partitions = 1, .replication = 1};
    struct error err = {0};
    bool existed;

    ck_ok(kafka_admin_create(admin, &topic, fixture_deadline(), &existed, &err));
    ck_ok(kafka_admin_delete(admin, name, fixture_deadline(), &err));
    ck_assert_int_eq(partitions(), 0);
}
END_TEST

START_TEST(what_the_broker_refuses_is_fatal)
{
    struct kafka_new_topic topic = {.name = "not/a/name", .partitions = 1, .replication = 1};
    struct kafka_new_topic replicated = {.name = name, .partitions = 1, .replication = 7};
    struct error err = {0};
    bool existed;

    ck_assert(!kafka_admin_create(admin, &topic, fixture_deadline(), &existed, &err));
    ck_assert_msg(err.class == ERROR_FATAL, "%s", err.text);
    ck_assert(!kafka_admin_create(admin, &replicated, fixture_deadline(), &existed, &err));
    ck_assert_msg(err.class == ERROR_FATAL, "%s", err.text);
}
END_TEST

Suite *kafka_admin_suite(void)
{
    Suite *suite = suite_create("kafka_admin");
    TCase *tcase = tcase_create("admin");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 180);
    tcase_add_test(tcase, a_topic_is_made_as_asked_and_can_be_described);
    tcase_add_test(tcase, a_topic_that_is_there_is_left_as_it_is);
    tcase_add_test(tcase, a_look_up_never_makes_a_topic);
    tcase_add_test(tcase, a_deleted_topic_is_gone);
    tcase_add_test(tcase, what_the_broker_refuses_is_fatal);
    suite_add_tcase(suite, tcase);
    return suite;
}
