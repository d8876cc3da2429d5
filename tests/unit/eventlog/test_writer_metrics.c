/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/metrics.h"
#include "base/scope.h"
#include "eventlog/writer_metrics_internal.h"
#include "tests/support/writes.h"

#include <check.h>
#include <string.h>

Suite *eventlog_writer_metrics_suite(void);

static void expect_line(const char *line)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(1 << 20);

    metrics_write(&text);
    buf_add(&text, "", 1);
    ck_assert_msg(strstr(text.data, line) != NULL, "no line '%s' in\n%s", line, text.data);
}

START_TEST(finished_writes_are_counted_by_command_and_result)
{
    struct write *command = write_command(&account_add, "1", 1);
    struct write *append = write_append("note-1", 1, NULL);

    command->outcome = WRITE_REFUSED;
    append->outcome = WRITE_APPENDED;
    writer_count_write(command);
    writer_count_write(append);
    writer_count_write(append);
    expect_line("daybook_commands_total{command=\"account.add\",result=\"refused\"} 1\n");
    expect_line("daybook_commands_total{command=\"append\",result=\"appended\"} 2\n");
    write_drop(command);
    write_drop(append);
}
END_TEST

START_TEST(a_commit_counts_commands_events_and_the_head)
{
    writer_count_commit(3, 5, POSITION(77));
    expect_line("daybook_append_batch_commands_bucket{le=\"2\"} 0\n");
    expect_line("daybook_append_batch_commands_bucket{le=\"4\"} 1\n");
    expect_line("daybook_append_batch_commands_sum 3\n");
    expect_line("daybook_append_events_total 5\n");
    expect_line("daybook_log_position 77\n");
}
END_TEST

Suite *eventlog_writer_metrics_suite(void)
{
    Suite *suite = suite_create("eventlog_writer_metrics");
    TCase *tc = tcase_create("metrics");

    tcase_add_test(tc, finished_writes_are_counted_by_command_and_result);
    tcase_add_test(tc, a_commit_counts_commands_events_and_the_head);
    suite_add_tcase(suite, tc);
    return suite;
}
