/* SPDX-License-Identifier: Apache-2.0 */
/* `migrate up`: the schema, the log's identity, and what the log needs to take events. */
#include "cmd/daybookd/settings.h"
#include "cmd/daybookd/verbs.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "eventlog/identity.h"
#include "eventlog/upkeep.h"
#include "migrations/embedded.h"
#include "projection/projector.h"

#include <stdio.h>

enum { TEXT_BYTES_MAX = 1 << 20 };

/* A failed connection is for trying again, everything else needs a person. */
static int complain(const struct invocation *invocation, const struct error *err)
{
    program_complain(invocation->program, err);
    return err->class == ERROR_TRANSIENT ? EXIT_UNAVAILABLE : EXIT_FAILED;
}

static bool make_log(struct pg_conn *conn, const struct config *config,
                     const struct projection *const *projections, struct log_identity *ret_identity,
                     struct error *err)
{
    struct upkeep_config upkeep = settings_upkeep(config);

    return log_identity_create(conn, config_text(config, "eventlog.name"),
                               config_text(config, "eventlog.prefix"), err) &&
           log_identity_load(conn, ret_identity, err) && upkeep_run(conn, &upkeep, err) &&
           projection_install_all(conn, projections, err);
}

static int migrate_up_with(const struct invocation *invocation, const struct config *config,
                           const struct projection *const *projections)
{
    struct pg_config postgres = settings_postgres(config, "daybookd migrate");
    SCOPED(pg_free) struct pg_conn *conn = pg_new(&postgres, PG_PROFILE_UPKEEP);
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(TEXT_BYTES_MAX);
    struct log_identity identity;
    struct error err;
    size_t applied;

    if (!pg_open(conn, &err) ||
        !migrate_up(conn, embedded_migrations, embedded_migrations_count, &applied, &err) ||
        !make_log(conn, config, projections, &identity, &err))
        return complain(invocation, &err);
    buf_printf(&text, "%zu migration%s applied, log '%s' %s\n", applied, applied == 1 ? "" : "s",
               identity.name, identity.id);
    return program_print(buf_str(&text)) ? EXIT_OK : EXIT_FAILED;
}

int migrate_up_run(struct invocation *invocation)
{
    SCOPED(config_free) struct config *config = NULL;
    const struct projection *const *projections;

    if (!settings_load(invocation, &config) ||
        !settings_projections(invocation, config, &projections))
        return EXIT_CONFIGURATION;
    return migrate_up_with(invocation, config, projections);
}

static void write_status(const struct migration_status *status, size_t count, struct buf *out)
{
    buf_add_cstr(out, "number\tname\tstate\tapplied_at\n");
    for (size_t i = 0; i < count; i++) {
        bool applied = status[i].state == MIGRATION_APPLIED;

        buf_printf(out, "%d\t%s\t%s\t", status[i].migration->number, status[i].migration->name,
                   applied ? "applied" : "pending");
        if (applied)
            buf_add_rfc3339(out, status[i].applied_at_us);
        buf_add_char(out, '\n');
    }
}

int migrate_status_run(struct invocation *invocation)
{
    SCOPED(config_free) struct config *config = NULL;
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(TEXT_BYTES_MAX);
    struct error err;

    if (!settings_load(invocation, &config))
        return EXIT_CONFIGURATION;
    struct pg_config postgres = settings_postgres(config, "daybookd migrate");
    SCOPED(pg_free) struct pg_conn *conn = pg_new(&postgres, PG_PROFILE_QUERY);
    struct migration_status *status =
        ARENA_ARRAY(invocation->arena, struct migration_status, embedded_migrations_count);
    if (!pg_open(conn, &err) ||
        !migrate_status(conn, embedded_migrations, embedded_migrations_count, status, &err))
        return complain(invocation, &err);
    write_status(status, embedded_migrations_count, &text);
    return program_print(buf_str(&text)) ? EXIT_OK : EXIT_FAILED;
}
