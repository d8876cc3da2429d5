/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of daybookd's settings, and the structs that modules are given from it.
 *
 * Threads: main, before the first thread; read-only afterwards.
 */
#ifndef DAYBOOK_CMD_DAYBOOKD_SETTINGS_H
#define DAYBOOK_CMD_DAYBOOKD_SETTINGS_H
#include <stdbool.h>

#include "base/config.h"
#include "base/error.h"
#include "base/log.h"
#include "eventlog/subscription_core.h"
#include "eventlog/upkeep.h"
#include "eventlog/writer.h"
#include "http/server.h"
#include "kafka/config.h"
#include "postgres/pg.h"
#include "projection/parking_core.h"

struct arena;
struct buf;
struct invocation;
struct parking_override;
struct projection;

extern const struct config_schema daybookd_settings;

/* Loads the configuration of this command line; tells every fault on standard error and returns
 * false when there is one. */
MUST_CHECK bool settings_load(const struct invocation *invocation, struct config **ret_config);

/* What one setting alone does not show: adds a line for each fault. */
void settings_check(const struct config *config, struct buf *faults);

/* All projections there are: built in, and of projection.directory. *ret lives as long as the
 * invocation; tells every fault on standard error and returns false when there is one. */
MUST_CHECK bool settings_projections(const struct invocation *invocation,
                                     const struct config *config,
                                     const struct projection *const **ret);

/* Strings live as long as CONFIG and ARENA. */
const char *settings_instance(const struct config *config, struct arena *arena);
struct pg_config settings_postgres(const struct config *config, const char *application_name);
/* Without a signal for what is committed. */
struct writer_config settings_writer(const struct config *config, const char *application_name);
struct upkeep_config settings_upkeep(const struct config *config);
struct subscription_limits settings_subscriptions(const struct config *config);
struct http_config settings_http(const struct config *config);
struct kafka_config settings_kafka(const struct config *config, const char *instance,
                                   struct arena *arena);
struct parking_policy settings_parking(const struct config *config);
/* Those of single projections, ended by one without a name. NULL, or what is wrong with the text.
 */
const char *settings_parking_overrides(const struct config *config,
                                       const struct projection *const *known, struct arena *arena,
                                       const struct parking_override **ret);
enum log_level settings_log_level(const struct config *config);
enum log_format settings_log_format(const struct config *config);

#endif
