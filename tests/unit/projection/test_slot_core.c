/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "projection/slot_core.h"
#include "tests/support/expect.h"

Suite *projection_slot_core_suite(void);

enum { FRESH = 100, SILENT = SLOT_SILENCE_MS };

static const struct {
    const char *what;
    struct slot_seen slots[3];
    size_t count;
    int64_t waited_ms;
    enum slot_choice choice;
    int number; /* taken over or new */
} rows[] = {
    {"the first of all", {{0}}, 0, 0, SLOT_TAKE_NEW, 0},
    {"others' slots stay theirs",
     {{0, SLOT_OTHER, false, FRESH}, {1, SLOT_OTHER, false, SILENT}},
     2,
     0,
     SLOT_TAKE_NEW,
     2},
    {"a number between",
     {{0, SLOT_OTHER, false, FRESH}, {2, SLOT_OTHER, false, FRESH}},
     2,
     0,
     SLOT_TAKE_NEW,
     1},
    {"an expired one is anybody's",
     {{0, SLOT_OTHER, false, FRESH}, {1, SLOT_OTHER, true, 20000}},
     2,
     0,
     SLOT_TAKE_OVER,
     1},
    {"its own dead one at once, though the lease runs",
     {{0, SLOT_OTHER, true, 20000}, {1, SLOT_DEAD, false, FRESH}},
     2,
     0,
     SLOT_TAKE_OVER,
     1},
    {"a living one of its name is not shared",
     {{0, SLOT_ALIVE, false, FRESH}},
     1,
     0,
     SLOT_TAKE_NEW,
     1},
    {"a perhaps living one is waited for",
     {{0, SLOT_UNKNOWN, false, FRESH}, {1, SLOT_OTHER, true, 20000}},
     2,
     0,
     SLOT_WAIT,
     0},
    {"it renewed: it lives",
     {{0, SLOT_UNKNOWN, false, FRESH}, {1, SLOT_OTHER, true, 20000}},
     2,
     SLOT_SILENCE_MS,
     SLOT_TAKE_OVER,
     1},
    {"it did not renew: it is dead", {{0, SLOT_UNKNOWN, false, SILENT}}, 1, 0, SLOT_TAKE_OVER, 0},
    {"its own expired one before another's",
     {{0, SLOT_OTHER, true, 20000}, {1, SLOT_UNKNOWN, true, 20000}},
     2,
     0,
     SLOT_TAKE_OVER,
     1},
};

START_TEST(a_slot_is_chosen)
{
    size_t index = 99;
    int number = -1;
    enum slot_choice choice =
        slot_choose(rows[_i].slots, rows[_i].count, rows[_i].waited_ms, &index, &number);

    ck_assert_msg(choice == rows[_i].choice, "%s: %d", rows[_i].what, choice);
    if (choice == SLOT_TAKE_OVER)
        number = rows[_i].slots[index].number;
    if (choice != SLOT_WAIT)
        ck_assert_msg(number == rows[_i].number, "%s: number %d", rows[_i].what, number);
}
END_TEST

Suite *projection_slot_core_suite(void)
{
    Suite *suite = suite_create("projection_slot_core");
    TCase *tc = tcase_create("choice");

    tcase_add_loop_test(tc, a_slot_is_chosen, 0, COUNT_OF(rows));
    suite_add_tcase(suite, tc);
    return suite;
}
