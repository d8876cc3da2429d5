/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of configuration share: a small schema with every type, and a load that gives back
 * either the configuration or its faults.
 *
 * Threads: the test's.
 */
#ifndef DAYBOOK_TESTS_UNIT_BASE_CONFIG_FIXTURE_H
#define DAYBOOK_TESTS_UNIT_BASE_CONFIG_FIXTURE_H
#include "base/config.h"
#include "tests/support/temp.h"

extern const struct config_schema test_schema;

/* A fixture: fresh directory, no environment, no flags. */
void config_setup(void);
void config_teardown(void);

extern struct temp_dir *config_dir; /* of the running test */

/* Writes daybook.conf (mode 0600) into config_dir; gives its path. */
const char *config_write(const char *text);

/* Of the next load: up to 8 each, added one by one. */
void config_environment(const char *variable); /* "DAYBOOK_X=y" */
void config_flag_add(const char *key, const char *value);

/* Loads PATH with what was added. NULL: there were faults. */
const struct config *config_try(const char *path);
const char *config_faults(void); /* of the last load, "" if there were none */

/* Loads and expects success; or exactly this text of faults. %s in EXPECTED stands for PATH. */
const struct config *config_expect(const char *path);
void config_expect_faults(const char *path, const char *expected);

#endif
