/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/partition.h"

#include <check.h>

Suite *kafka_partition_suite(void);

/* The vectors of Apache Kafka's own UtilsTest.testMurmur2, and empty input. */
static const struct {
    const char *key;
    int32_t hash;
} vectors[] = {
    {"21", -973932308},
    {"foobar", -790332482},
    {"a-little-bit-long-string", -985981536},
    {"a-little-bit-longer-string", -1486304829},
    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
    {"abc", 479470107},
    {"", 275646681},
};

START_TEST(murmur2_is_java_s)
{
    ck_assert_int_eq((int32_t)kafka_murmur2(str_of(vectors[_i].key)), vectors[_i].hash);
}
END_TEST

START_TEST(a_negative_hash_loses_its_sign_before_the_remainder)
{
    /* -973932308 & 0x7fffffff = 1173551340 */
    ck_assert_int_eq(kafka_partition_of(STR("21"), 7), 1173551340 % 7);
    ck_assert_int_eq(kafka_partition_of(STR("abc"), 6), 479470107 % 6);
}
END_TEST

START_TEST(a_key_with_bytes_above_127_hashes_them_unsigned)
{
    struct str key = str_from("\xff\xfe\xfd", 3);
    int32_t partition = kafka_partition_of(key, 1000);

    ck_assert_int_ge(partition, 0);
    ck_assert_uint_ne(kafka_murmur2(key), kafka_murmur2(str_from("\x7f\x7e\x7d", 3)));
}
END_TEST

START_TEST(one_partition_takes_everything)
{
    ck_assert_int_eq(kafka_partition_of(str_of(vectors[_i].key), 1), 0);
}
END_TEST

Suite *kafka_partition_suite(void)
{
    Suite *suite = suite_create("kafka_partition");
    TCase *tcase = tcase_create("partition");
    int count = (int)(sizeof(vectors) / sizeof(vectors[0]));

    tcase_add_loop_test(tcase, murmur2_is_java_s, 0, count);
    tcase_add_test(tcase, a_negative_hash_loses_its_sign_before_the_remainder);
    tcase_add_test(tcase, a_key_with_bytes_above_127_hashes_them_unsigned);
    tcase_add_loop_test(tcase, one_partition_takes_everything, 0, count);
    suite_add_tcase(suite, tcase);
    return suite;
}
