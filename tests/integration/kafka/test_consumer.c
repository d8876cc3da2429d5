/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/consumer.h"

#include "base/clock.h"
#include "tests/integration/kafka/kafka_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *kafka_consumer_suite(void);

enum { PARTITIONS = 3, POLL_MS = 20, QUIET_MS = 400 };

static char topic[FIXTURE_NAME_MAX];
static char group[FIXTURE_NAME_MAX];
static struct kafka_producer *producer;

/* What the callbacks and polls of one consumer saw. */
struct member {
    struct kafka_consumer *consumer;
    int64_t starts[PARTITIONS]; /* answered by the callback */
    bool mine[PARTITIONS];
    int assignments;
    int revocations;
    int last[PARTITIONS];  /* value of the last message */
    int count[PARTITIONS]; /* of messages */
    bool in_order;
    int out_of_range; /* partition + 1 */
    struct error error;
};

static void on_assigned(void *arg, struct kafka_assignment *partitions, size_t count)
{
    struct member *member = arg;

    member->assignments++;
    for (size_t i = 0; i < count; i++) {
        member->mine[partitions[i].partition] = true;
        partitions[i].start.n = member->starts[partitions[i].partition];
    }
}

static void on_revoked(void *arg, const struct kafka_assignment *partitions, size_t count,
                       bool lost)
{
    struct member *member = arg;

    (void)lost;
    member->revocations++;
    for (size_t i = 0; i < count; i++)
        member->mine[partitions[i].partition] = false;
}

static void setup(void)
{
    char id[FIXTURE_NAME_MAX];

    fixture_topic(topic, PARTITIONS);
    fixture_name(group, "group");
    fixture_name(id, "id");
    producer = fixture_producer(id);
}

static void teardown(void)
{
    kafka_producer_free(producer);
}

static void join(struct member *member, const char *instance)
{
    const char *topics[] = {topic};
    struct kafka_consumer_config config = {
        .kafka = fixture_kafka(),
        .group = group,
        .instance = instance,
        .session_timeout_ms = 6000,
        .fetch_queue_bytes_max = 1 << 20,
        .assigned = on_assigned,
        .revoked = on_revoked,
        .arg = member,
    };
    struct error err = {0};

    member->in_order = true;
    ck_ok(kafka_consumer_new(&config, &member->consumer, &err));
    ck_ok(kafka_consumer_subscribe(member->consumer, topics, 1, &err));
}

static void take(struct member *member, struct kafka_message *message)
{
    int32_t partition = kafka_message_partition(message);
    int value = (int)strtol(kafka_message_value(message).data, NULL, 10);

    member->in_order =
        member->in_order && (member->count[partition] == 0 || value == member->last[partition] + 1);
    member->last[partition] = value;
    member->count[partition]++;
}

static void poll_once(struct member *member)
{
    SCOPED(kafka_message_free) struct kafka_message *message = NULL;
    struct kafka_place place;

    switch (kafka_consumer_poll(member->consumer, POLL_MS, &message, &place, &member->error)) {
    case KAFKA_POLLED_MESSAGE:
        take(member, message);
        break;
    case KAFKA_POLLED_OUT_OF_RANGE:
        ck_assert_str_eq(place.topic, topic);
        member->out_of_range = place.partition + 1;
        break;
    case KAFKA_POLLED_FAILED:
    case KAFKA_POLLED_NOTHING:
        break;
    }
}

/* Polls until CONDITION holds; fails at the deadline. */
#define poll_until(member, condition) \
    do { \
        int64_t end_ = fixture_deadline(); \
        while (!(condition)) { \
            ck_assert_msg(clock_monotonic_ms() < end_, "never: %s (%s)", #condition, \
                          (member)->error.text); \
            poll_once(member); \
        } \
    } while (0)

static void poll_quiet(struct member *member)
{
    for (int64_t end = clock_monotonic_ms() + QUIET_MS; clock_monotonic_ms() < end;)
        poll_once(member);
}

START_TEST(each_partition_starts_where_the_callback_says)
{
    struct member member = {.starts = {0, 2, 4}};

    for (int i = 0; i < PARTITIONS; i++)
        fixture_transaction(producer, topic, i, 1, 5);
    join(&member, NULL);
    poll_until(&member, member.count[0] + member.count[1] + member.count[2] == 5 + 3 + 1);
    poll_quiet(&member);
    ck_assert_int_eq(member.count[0], 5);
    ck_assert_int_eq(member.count[1], 3);
    ck_assert_int_eq(member.count[2], 1);
    ck_assert(member.in_order);
    kafka_consumer_free(member.consumer);
}
END_TEST

START_TEST(a_partition_that_starts_later_gives_nothing_before)
{
    struct member member = {.starts = {-1, 0, 0}};
    struct error err = {0};

    for (int i = 0; i < PARTITIONS; i++)
        fixture_transaction(producer, topic, i, 1, 5);
    join(&member, NULL);
    poll_until(&member, member.count[1] == 5 && member.count[2] == 5);
    poll_quiet(&member);
    ck_assert_int_eq(member.count[0], 0);
    ck_ok(kafka_consumer_start(member.consumer, topic, 0, (struct kafka_offset){3}, &err));
    poll_until(&member, member.count[0] == 2);
    poll_quiet(&member);
    ck_assert_int_eq(member.count[0], 2);
    ck_assert_int_eq(member.count[1], 5);
    ck_assert_int_eq(member.last[0], 5);
    kafka_consumer_free(member.consumer);
}
END_TEST

START_TEST(pauses_and_resumes_lose_and_repeat_nothing)
{
    struct member member = {.starts = {0, 0, 0}};
    struct error err = {0};

    join(&member, NULL);
    fixture_transaction(producer, topic, 0, 1, 200);
    poll_until(&member, member.count[0] >= 10);
    for (int round = 0; round < 5; round++) {
        ck_ok(kafka_consumer_pause(member.consumer, topic, 0, &err));
        ck_ok(kafka_consumer_pause(member.consumer, topic, 0, &err));
        poll_once(&member);
        ck_ok(kafka_consumer_resume(member.consumer, topic, 0, &err));
        ck_ok(kafka_consumer_resume(member.consumer, topic, 0, &err));
        for (int i = 0; i < 10; i++)
            poll_once(&member);
    }
    poll_until(&member, member.last[0] == 200);
    ck_ok(kafka_consumer_pause(member.consumer, topic, 0, &err));
    fixture_transaction(producer, topic, 0, 201, 5);
    poll_quiet(&member);
    ck_assert_int_eq(member.last[0], 200);
    ck_ok(kafka_consumer_resume(member.consumer, topic, 0, &err));
    poll_until(&member, member.last[0] == 205);
    poll_quiet(&member);
    ck_assert(member.in_order);
    ck_assert_int_eq(member.count[0], 205);
    kafka_consumer_free(member.consumer);
}
END_TEST

/* In most rounds: a busy machine may be slow in one. */
START_TEST(what_waited_for_a_resume_comes_at_once)
{
    struct member member = {.starts = {0, -1, -1}};
    int prompt = 0;
    struct error err = {0};

    join(&member, NULL);
    fixture_transaction(producer, topic, 0, 1, 1);
    poll_until(&member, member.count[0] == 1);
    for (int round = 1; round <= 5; round++) {
        int64_t begun;

        ck_ok(kafka_consumer_pause(member.consumer, topic, 0, &err));
        fixture_transaction(producer, topic, 0, round + 1, 1);
        poll_quiet(&member); /* nothing to fetch: all are paused */
        ck_assert_int_eq(member.count[0], round);
        begun = clock_monotonic_ms();
        ck_ok(kafka_consumer_resume(member.consumer, topic, 0, &err));
        poll_until(&member, member.count[0] == round + 1);
        prompt += clock_monotonic_ms() - begun < 250;
    }
    ck_assert_int_ge(prompt, 3);
    kafka_consumer_free(member.consumer);
}
END_TEST

START_TEST(start_goes_back_and_forth)
{
    struct member member = {.starts = {0, 0, 0}};
    struct error err = {0};

    join(&member, NULL);
    fixture_transaction(producer, topic, 0, 1, 5);
    poll_until(&member, member.count[0] == 5);
    ck_ok(kafka_consumer_start(member.consumer, topic, 0, (struct kafka_offset){2}, &err));
    poll_until(&member, member.count[0] == 8);
    poll_quiet(&member);
    ck_assert_int_eq(member.count[0], 8);
    kafka_consumer_free(member.consumer);
}
END_TEST

START_TEST(an_offset_out_of_range_is_told_and_the_partition_can_start_again)
{
    struct member member = {.starts = {500, 0, 0}};
    struct error err = {0};

    for (int i = 0; i < PARTITIONS; i++)
        fixture_transaction(producer, topic, i, 1, 5);
    join(&member, NULL);
    poll_until(&member, member.out_of_range == 1 && member.count[1] == 5 && member.count[2] == 5);
    ck_ok(kafka_consumer_pause(member.consumer, topic, 2, &err));
    ck_ok(kafka_consumer_start(member.consumer, topic, 0, (struct kafka_offset){1}, &err));
    poll_until(&member, member.count[0] == 4);
    fixture_transaction(producer, topic, 1, 6, 1);
    fixture_transaction(producer, topic, 2, 6, 1);
    poll_until(&member, member.count[1] == 6);
    poll_quiet(&member);
    ck_assert_int_eq(member.count[1], 6); /* the others went on where they were */
    ck_assert_int_eq(member.count[2], 5); /* still paused */
    ck_ok(kafka_consumer_resume(member.consumer, topic, 2, &err));
    poll_until(&member, member.count[2] == 6);
    ck_assert(member.in_order);
    kafka_consumer_free(member.consumer);
}
END_TEST

START_TEST(aborted_records_are_never_delivered)
{
    struct member member = {.starts = {0, 0, 0}};
    char id[FIXTURE_NAME_MAX];
    struct error err = {0};

    fixture_name(id, "id");
    join(&member, NULL);
    for (int i = 0; i < 3; i++) {
        struct kafka_producer *torn = fixture_producer(id);
        struct kafka_offset delivered;
        struct kafka_record record = {.topic = topic, .value = STR("666"), .delivered = &delivered};

        ck_ok(kafka_producer_begin(torn, &err));
        ck_ok(kafka_producer_produce(torn, &record, fixture_deadline(), &err));
        while (delivered.n < 0)
            kafka_producer_poll(torn, 10);
        kafka_producer_free(torn);
    }
    kafka_producer_free(fixture_producer(id));
    fixture_transaction(producer, topic, 0, 1, 1);
    poll_until(&member, member.count[0] == 1);
    ck_assert_int_eq(member.last[0], 1);
    kafka_consumer_free(member.consumer);
}
END_TEST

START_TEST(partitions_are_shared_and_a_pause_does_not_outlive_its_assignment)
{
    struct member one = {.starts = {-1, -1, -1}};
    struct member two = {.starts = {0, 0, 0}};

    for (int i = 0; i < PARTITIONS; i++)
        fixture_transaction(producer, topic, i, 1, 5);
    join(&one, "one");
    poll_until(&one, one.mine[0] && one.mine[1] && one.mine[2]);
    join(&two, "two");
    for (int i = 0; i < PARTITIONS; i++)
        one.starts[i] = 0;
    poll_until(&two, (poll_once(&one), two.assignments > 0 && one.assignments > 1));
    for (int i = 0; i < PARTITIONS; i++)
        ck_assert_int_eq(one.mine[i] + two.mine[i], 1);
    poll_until(&two, (poll_once(&one), one.count[0] + one.count[1] + one.count[2] + two.count[0] +
                                               two.count[1] + two.count[2] ==
                                           15));
    kafka_consumer_free(one.consumer);
    kafka_consumer_free(two.consumer);
}
END_TEST

START_TEST(a_static_member_is_back_at_once)
{
    struct member first = {.starts = {0, 0, 0}};
    struct member second = {.starts = {0, 0, 0}};
    int64_t begun;

    join(&first, "the one");
    poll_until(&first, first.mine[0] && first.mine[1] && first.mine[2]);
    kafka_consumer_free(first.consumer);
    begun = clock_monotonic_ms();
    join(&second, "the one");
    poll_until(&second, second.mine[0] && second.mine[1] && second.mine[2]);
    ck_assert_int_lt(clock_monotonic_ms() - begun, 4000);
    kafka_consumer_free(second.consumer);
}
END_TEST

START_TEST(a_member_whose_instance_another_has_is_fenced)
{
    struct member first = {.starts = {0, 0, 0}};
    struct member second = {.starts = {0, 0, 0}};

    join(&first, "the one");
    poll_until(&first, first.mine[0]);
    join(&second, "the one");
    poll_until(&second, (poll_once(&first), second.mine[0]));
    poll_until(&first, first.error.class == ERROR_FENCED);
    kafka_consumer_free(first.consumer);
    kafka_consumer_free(second.consumer);
}
END_TEST

START_TEST(what_is_not_assigned_is_refused)
{
    struct member member = {.starts = {0, 0, 0}};
    struct error err = {0};

    join(&member, NULL);
    ck_assert(!kafka_consumer_start(member.consumer, topic, 0, (struct kafka_offset){0}, &err));
    ck_assert_str_eq(err.code, "not-assigned");
    ck_assert(!kafka_consumer_pause(member.consumer, topic, 0, &err));
    ck_assert(!kafka_consumer_resume(member.consumer, topic, 0, &err));
    kafka_consumer_free(member.consumer);
}
END_TEST

Suite *kafka_consumer_suite(void)
{
    Suite *suite = suite_create("kafka_consumer");
    TCase *tcase = tcase_create("consumer");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 180);
    tcase_add_test(tcase, each_partition_starts_where_the_callback_says);
    tcase_add_test(tcase, a_partition_that_starts_later_gives_nothing_before);
    tcase_add_test(tcase, pauses_and_resumes_lose_and_repeat_nothing);
    tcase_add_test(tcase, what_waited_for_a_resume_comes_at_once);
    tcase_add_test(tcase, start_goes_back_and_forth);
    tcase_add_test(tcase, an_offset_out_of_range_is_told_and_the_partition_can_start_again);
    tcase_add_test(tcase, aborted_records_are_never_delivered);
    tcase_add_test(tcase, partitions_are_shared_and_a_pause_does_not_outlive_its_assignment);
    tcase_add_test(tcase, a_static_member_is_back_at_once);
    tcase_add_test(tcase, a_member_whose_instance_another_has_is_fenced);
    tcase_add_test(tcase, what_is_not_assigned_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
