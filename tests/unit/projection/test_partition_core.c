/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "projection/partition_core.h"
#include "tests/support/expect.h"

Suite *projection_partition_core_suite(void);

enum { BATCH = 64, NOW = 1000 };

#define OFFSET(value) ((struct kafka_offset){(value)})
#define PLACE(at_position, at_offset) ((struct place){{(at_position)}, {(at_offset)}})

static struct error error_of(enum error_class class)
{
    struct error err;

    error_set(&err, class, "code", "what happened");
    return err;
}

static void hurt(struct partition_core *core, enum error_class class, size_t records, int64_t now)
{
    struct error err = error_of(class);

    partition_core_failed(core, &err, records, now, UINT64_MAX);
}

/* A core that reads, with its checkpoint at position 10, offset 20. */
static struct partition_core reading(void)
{
    struct partition_core core;

    partition_core_init(&core, BATCH, NOW);
    partition_core_acquired(&core, 1, PLACE(10, 20), POSITION(10), NOW);
    ck_assert_int_eq(core.phase, PARTITION_SEEK);
    partition_core_sought(&core, NOW);
    ck_assert_int_eq(core.phase, PARTITION_READ);
    return core;
}

static enum record_verdict judge(struct place *place, int64_t offset, int64_t previous,
                                 int64_t position)
{
    struct record_facts facts = {
        .offset = {offset}, .previous = {previous}, .position = {position}};

    return partition_core_judge(place, &facts);
}

START_TEST(a_known_place_starts_at_its_offset_without_a_fill)
{
    struct partition_core core;

    partition_core_init(&core, BATCH, NOW);
    ck_assert_int_eq(partition_core_phase_due(&core, NOW), PARTITION_ACQUIRE);
    partition_core_acquired(&core, 7, PLACE(10, 20), POSITION(500), NOW);
    ck_assert_int_eq(core.phase, PARTITION_SEEK);
    ck_assert_int_eq(core.next.n, 20);
    ck_assert_int_eq(core.epoch, 7);
}
END_TEST

START_TEST(without_a_checkpoint_the_log_is_applied_up_to_the_entry_before_kafka)
{
    struct partition_core core;

    partition_core_init(&core, BATCH, NOW);
    partition_core_acquired(&core, 1, PLACE(0, -1), POSITION(90), NOW);
    ck_assert_int_eq(core.phase, PARTITION_FILL);
    ck_assert_int_eq(core.goal.n, 90);
    partition_core_filled(&core, POSITION(50), POSITION(200), NOW, 0);
    ck_assert_int_eq(core.phase, PARTITION_FILL);
    partition_core_filled(&core, POSITION(90), POSITION(200), NOW, 0);
    ck_assert_int_eq(core.phase, PARTITION_NOTE);
    /* What was published meanwhile, up to the noted end, is filled too. */
    partition_core_noted(&core, OFFSET(33), POSITION(95), NOW);
    ck_assert_int_eq(core.phase, PARTITION_FILL);
    partition_core_filled(&core, POSITION(95), POSITION(200), NOW, 0);
    ck_assert_int_eq(core.phase, PARTITION_SEEK);
    ck_assert_int_eq(core.next.n, 33);
}
END_TEST

START_TEST(an_empty_partition_starts_where_its_topic_ends)
{
    struct partition_core core;

    partition_core_init(&core, BATCH, NOW);
    partition_core_acquired(&core, 1, PLACE(0, -1), POSITION(0), NOW);
    ck_assert_int_eq(core.phase, PARTITION_NOTE);
    partition_core_noted(&core, OFFSET(0), POSITION(0), NOW);
    ck_assert_int_eq(core.phase, PARTITION_SEEK);
    ck_assert_int_eq(core.next.n, 0);
}
END_TEST

START_TEST(a_lost_offset_is_filled_from_the_log_and_begins_at_the_end)
{
    struct partition_core core = reading();

    partition_core_offset_lost(&core);
    ck_assert_int_eq(core.phase, PARTITION_ACQUIRE);
    partition_core_acquired(&core, 2, PLACE(10, 20), POSITION(40), NOW);
    ck_assert_int_eq(core.phase, PARTITION_FILL);
    ck_assert_int_eq(core.goal.n, 40);
    partition_core_filled(&core, POSITION(40), POSITION(40), NOW, 0);
    ck_assert_int_eq(core.phase, PARTITION_NOTE);
    partition_core_noted(&core, OFFSET(77), POSITION(40), NOW);
    ck_assert_int_eq(core.phase, PARTITION_SEEK);
    ck_assert_int_eq(core.next.n, 77);
}
END_TEST

START_TEST(an_offset_lost_while_waiting_is_remembered)
{
    struct partition_core core = reading();

    hurt(&core, ERROR_TRANSIENT, 5, NOW);
    partition_core_offset_lost(&core);
    ck_assert_int_eq(core.phase, PARTITION_WAIT);
    ck_assert_int_eq(partition_core_phase_due(&core, core.retry_at_ms), PARTITION_ACQUIRE);
    partition_core_acquired(&core, 2, PLACE(10, 20), POSITION(10), NOW);
    ck_assert_int_eq(core.phase, PARTITION_NOTE);
}
END_TEST

START_TEST(a_start_that_failed_is_tried_again_from_the_checkpoint)
{
    struct partition_core core = reading();
    struct error err = error_of(ERROR_REFUSED);

    partition_core_start_failed(&core, &err, NOW, UINT64_MAX);
    ck_assert_int_eq(core.phase, PARTITION_WAIT);
    ck_assert_int_eq(partition_core_phase_due(&core, core.retry_at_ms), PARTITION_ACQUIRE);
    partition_core_acquired(&core, 2, PLACE(12, 25), POSITION(40), NOW);
    ck_assert_int_eq(core.phase, PARTITION_SEEK);
    ck_assert_int_eq(core.next.n, 25);
}
END_TEST

static const struct {
    int64_t previous, position;
    enum record_verdict verdict;
    int64_t position_after, offset_after;
} judged[] = {
    {10, 11, RECORD_APPLY, 11, 31},    {10, 15, RECORD_APPLY, 15, 31},
    {0, 15, RECORD_APPLY, 15, 31}, /* filled beyond what its publisher saw last */
    {7, 10, RECORD_DUPLICATE, 10, 31}, {0, 1, RECORD_DUPLICATE, 10, 31},
    {11, 15, RECORD_HOLE, 10, 20},     {14, 15, RECORD_HOLE, 10, 20},
};

START_TEST(a_record_is_judged_by_its_position)
{
    struct place place = PLACE(10, 20);

    ck_assert_int_eq(judge(&place, 30, judged[_i].previous, judged[_i].position),
                     judged[_i].verdict);
    ck_assert_int_eq(place.position.n, judged[_i].position_after);
    ck_assert_int_eq(place.offset.n, judged[_i].offset_after);
}
END_TEST

START_TEST(a_foreign_record_is_no_duplicate_whatever_its_position)
{
    struct place place = PLACE(10, 20);
    struct record_facts facts = {.foreign = true, .offset = {30}, .position = {3}};

    ck_assert_int_eq(partition_core_judge(&place, &facts), RECORD_FOREIGN);
    ck_assert_int_eq(place.offset.n, 31);
    ck_assert_int_eq(place.position.n, 10);
}
END_TEST

START_TEST(a_hole_is_filled_up_to_the_records_previous_and_reading_goes_on)
{
    struct partition_core core = reading();

    partition_core_hole(&core, POSITION(14));
    ck_assert_int_eq(core.phase, PARTITION_FILL);
    ck_assert_int_eq(core.goal.n, 14);
    partition_core_filled(&core, POSITION(14), POSITION(90), NOW, 0);
    ck_assert_int_eq(core.phase, PARTITION_READ);
}
END_TEST

START_TEST(a_loss_at_the_end_is_filled_when_nothing_comes)
{
    struct partition_core core = reading();

    partition_core_entry_seen(&core, POSITION(30), NOW + PARTITION_STALL_MS);
    ck_assert_int_eq(core.phase, PARTITION_READ);
    partition_core_entry_seen(&core, POSITION(30), NOW + PARTITION_STALL_MS + 1);
    ck_assert_int_eq(core.phase, PARTITION_FILL);
    ck_assert_int_eq(core.goal.n, 30);
}
END_TEST

START_TEST(records_that_come_are_no_loss)
{
    struct partition_core core = reading();

    partition_core_received(&core, NOW + PARTITION_STALL_MS);
    partition_core_entry_seen(&core, POSITION(30), NOW + PARTITION_STALL_MS + 1);
    ck_assert_int_eq(core.phase, PARTITION_READ);
}
END_TEST

START_TEST(a_transient_failure_waits_then_takes_the_checkpoint_again)
{
    struct partition_core core = reading();

    hurt(&core, ERROR_TRANSIENT, 5, NOW);
    ck_assert_int_eq(partition_core_phase_due(&core, NOW), PARTITION_WAIT);
    ck_assert_int_eq(partition_core_due_at_ms(&core), core.retry_at_ms);
    ck_assert_str_eq(core.reason, "what happened");
    ck_assert_str_eq(partition_core_word(&core), "paused");
    ck_assert_int_eq(partition_core_phase_due(&core, core.retry_at_ms), PARTITION_ACQUIRE);
    /* The poll thread still delivers: no seek. */
    partition_core_acquired(&core, 2, PLACE(10, 20), POSITION(30), NOW);
    ck_assert_int_eq(core.phase, PARTITION_READ);
    ck_assert_str_eq(partition_core_word(&core), "paused");
    partition_core_committed(&core, PLACE(11, 21));
    ck_assert_str_eq(partition_core_word(&core), "running");
}
END_TEST

START_TEST(the_backoff_grows_until_the_failed_phase_succeeds)
{
    struct partition_core core = reading();
    int64_t ceiling = 0;

    for (int64_t epoch = 2; epoch < 12; epoch++) {
        int64_t delay;

        hurt(&core, ERROR_TRANSIENT, 5, NOW);
        delay = core.retry_at_ms - NOW;
        ck_assert_int_ge(delay, 0);
        ck_assert_uint_eq(core.attempts, epoch - 1);
        ceiling = delay > ceiling ? delay : ceiling;
        partition_core_phase_due(&core, core.retry_at_ms);
        partition_core_acquired(&core, epoch, PLACE(10, 20), POSITION(10), NOW);
    }
    partition_core_committed(&core, PLACE(11, 21));
    ck_assert_uint_eq(core.attempts, 0);
}
END_TEST

START_TEST(a_failed_acquisition_is_over_with_the_next_one)
{
    struct partition_core core;

    partition_core_init(&core, BATCH, NOW);
    hurt(&core, ERROR_TRANSIENT, 0, NOW);
    ck_assert_str_eq(partition_core_word(&core), "paused");
    partition_core_phase_due(&core, core.retry_at_ms);
    partition_core_acquired(&core, 1, PLACE(10, 20), POSITION(10), NOW);
    ck_assert_str_eq(partition_core_word(&core), "starting");
}
END_TEST

START_TEST(a_fenced_worker_raises_its_epoch_again)
{
    struct partition_core core = reading();

    hurt(&core, ERROR_FENCED, 5, NOW);
    ck_assert_int_eq(core.phase, PARTITION_WAIT);
    ck_assert_int_eq(partition_core_phase_due(&core, core.retry_at_ms), PARTITION_ACQUIRE);
}
END_TEST

START_TEST(refused_data_is_halved_until_the_culprit_stands_alone)
{
    struct partition_core core = reading();
    int64_t epoch = 2;

    for (size_t records = BATCH; records > 1; records /= 2) {
        hurt(&core, ERROR_POISON, records, NOW);
        ck_assert_int_eq(core.phase, PARTITION_ACQUIRE);
        ck_assert(core.alone);
        ck_assert_uint_eq(core.batch_max, records / 2);
        partition_core_acquired(&core, epoch++, PLACE(10, 20), POSITION(10), NOW);
    }
    ck_assert(!core.culprit);
    hurt(&core, ERROR_POISON, 1, NOW);
    ck_assert(core.culprit);
    ck_assert_int_eq(core.phase, PARTITION_ACQUIRE);
}
END_TEST

START_TEST(one_record_refused_beside_others_is_tried_alone_first)
{
    struct partition_core core = reading();

    hurt(&core, ERROR_POISON, 1, NOW);
    ck_assert_int_eq(core.phase, PARTITION_ACQUIRE);
    ck_assert(core.alone);
    ck_assert(!core.culprit);
}
END_TEST

START_TEST(batches_grow_back_after_a_refusal)
{
    struct partition_core core = reading();

    hurt(&core, ERROR_POISON, BATCH, NOW);
    partition_core_acquired(&core, 2, PLACE(10, 20), POSITION(10), NOW);
    partition_core_committed(&core, PLACE(42, 52));
    ck_assert_uint_eq(core.batch_max, BATCH);
    ck_assert(!core.alone);
}
END_TEST

START_TEST(a_fatal_error_blocks_until_the_partition_is_assigned_anew)
{
    struct partition_core core = reading();

    hurt(&core, ERROR_FATAL, 5, NOW);
    partition_core_reconnected(&core);
    partition_core_offset_lost(&core);
    partition_core_entry_seen(&core, POSITION(500), NOW + 10 * PARTITION_STALL_MS);
    ck_assert_int_eq(partition_core_phase_due(&core, INT64_MAX), PARTITION_BLOCKED);
    ck_assert_int_eq(partition_core_due_at_ms(&core), INT64_MAX);
}
END_TEST

START_TEST(a_log_that_ends_before_the_goal_is_waited_for)
{
    struct partition_core core = reading();

    partition_core_hole(&core, POSITION(14));
    partition_core_filled(&core, POSITION(12), POSITION(12), NOW, UINT64_MAX);
    ck_assert_int_eq(core.phase, PARTITION_WAIT);
    ck_assert_str_eq(core.code, "log-behind");
    /* Without progress the waits grow. */
    partition_core_phase_due(&core, core.retry_at_ms);
    partition_core_acquired(&core, 2, PLACE(12, 20), POSITION(14), NOW);
    partition_core_hole(&core, POSITION(14));
    partition_core_filled(&core, POSITION(12), POSITION(12), NOW, UINT64_MAX);
    ck_assert_uint_eq(core.attempts, 2);
}
END_TEST

START_TEST(a_reconnect_reads_the_checkpoint_again)
{
    struct partition_core core = reading();

    partition_core_reconnected(&core);
    ck_assert_int_eq(core.phase, PARTITION_ACQUIRE);
    /* A server that lost commits: the position goes back, and a hole will show. */
    partition_core_acquired(&core, 2, PLACE(4, 9), POSITION(10), NOW);
    ck_assert_int_eq(core.phase, PARTITION_READ);
    ck_assert_int_eq(core.at.position.n, 4);
}
END_TEST

START_TEST(an_entry_not_reached_in_time_is_catching_up)
{
    struct partition_core core = reading();

    partition_core_entry_seen(&core, POSITION(100), NOW);
    ck_assert_str_eq(partition_core_word(&core), "running");
    partition_core_received(&core, NOW + PARTITION_CATCHING_UP_MS);
    partition_core_entry_seen(&core, POSITION(200), NOW + PARTITION_CATCHING_UP_MS + 1);
    ck_assert_str_eq(partition_core_word(&core), "catching_up");
    /* The old one is reached, late; the new one soon enough. */
    partition_core_committed(&core, PLACE(100, 110));
    partition_core_entry_seen(&core, POSITION(200), NOW + PARTITION_CATCHING_UP_MS + 2);
    ck_assert_str_eq(partition_core_word(&core), "catching_up");
    partition_core_committed(&core, PLACE(200, 210));
    partition_core_entry_seen(&core, POSITION(300), NOW + PARTITION_CATCHING_UP_MS + 3);
    ck_assert_str_eq(partition_core_word(&core), "running");
}
END_TEST

START_TEST(a_partition_at_its_entry_is_running)
{
    struct partition_core core = reading();

    partition_core_entry_seen(&core, POSITION(100), NOW);
    partition_core_received(&core, NOW + PARTITION_CATCHING_UP_MS);
    partition_core_entry_seen(&core, POSITION(100), NOW + PARTITION_CATCHING_UP_MS + 1);
    partition_core_committed(&core, PLACE(100, 110));
    partition_core_entry_seen(&core, POSITION(100), NOW + PARTITION_CATCHING_UP_MS + 2);
    ck_assert_str_eq(partition_core_word(&core), "running");
}
END_TEST

Suite *projection_partition_core_suite(void)
{
    Suite *suite = suite_create("projection_partition_core");
    TCase *tc = tcase_create("core");

    tcase_add_test(tc, a_known_place_starts_at_its_offset_without_a_fill);
    tcase_add_test(tc, without_a_checkpoint_the_log_is_applied_up_to_the_entry_before_kafka);
    tcase_add_test(tc, an_empty_partition_starts_where_its_topic_ends);
    tcase_add_test(tc, a_lost_offset_is_filled_from_the_log_and_begins_at_the_end);
    tcase_add_test(tc, an_offset_lost_while_waiting_is_remembered);
    tcase_add_test(tc, a_start_that_failed_is_tried_again_from_the_checkpoint);
    tcase_add_loop_test(tc, a_record_is_judged_by_its_position, 0, COUNT_OF(judged));
    tcase_add_test(tc, a_foreign_record_is_no_duplicate_whatever_its_position);
    tcase_add_test(tc, a_hole_is_filled_up_to_the_records_previous_and_reading_goes_on);
    tcase_add_test(tc, a_loss_at_the_end_is_filled_when_nothing_comes);
    tcase_add_test(tc, records_that_come_are_no_loss);
    tcase_add_test(tc, a_transient_failure_waits_then_takes_the_checkpoint_again);
    tcase_add_test(tc, the_backoff_grows_until_the_failed_phase_succeeds);
    tcase_add_test(tc, a_failed_acquisition_is_over_with_the_next_one);
    tcase_add_test(tc, a_fenced_worker_raises_its_epoch_again);
    tcase_add_test(tc, refused_data_is_halved_until_the_culprit_stands_alone);
    tcase_add_test(tc, one_record_refused_beside_others_is_tried_alone_first);
    tcase_add_test(tc, batches_grow_back_after_a_refusal);
    tcase_add_test(tc, a_fatal_error_blocks_until_the_partition_is_assigned_anew);
    tcase_add_test(tc, a_log_that_ends_before_the_goal_is_waited_for);
    tcase_add_test(tc, a_reconnect_reads_the_checkpoint_again);
    tcase_add_test(tc, an_entry_not_reached_in_time_is_catching_up);
    tcase_add_test(tc, a_partition_at_its_entry_is_running);
    suite_add_tcase(suite, tc);
    return suite;
}
