/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybookd/roles.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "cmd/daybookd/keeper.h"
#include "cmd/daybookd/settings.h"
#include "orders/orders.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static const struct role *const kinds[ROLE_KINDS] = {
    [ROLE_API] = &api_role,
    [ROLE_PUBLISH] = &publish_role,
    [ROLE_PROJECT] = &project_role,
};

struct roles {
    struct role_context context;
    unsigned wanted;
    const char *address;
    _Atomic(struct keeper *) keeper; /* NULL: not there yet */
    struct log_identity identity;
    pthread_mutex_t mutex;     /* guards states: a role must not end while it is asked */
    void *states[ROLE_KINDS];  /* NULL: not started */
    void *stopped[ROLE_KINDS]; /* main's: to be freed when HTTP has ended */
};

static bool is_wanted(unsigned wanted, enum role_kind kind)
{
    return wanted & (1u << kind);
}

bool roles_parse(const char *text, unsigned *ret_wanted, struct error *err)
{
    struct str rest = str_of(text);
    unsigned wanted = 0;

    do {
        struct str name = str_trim(str_split(rest, ',', &rest));
        enum role_kind kind = ROLE_API;

        while (kind < ROLE_KINDS && !str_equal(name, str_of(kinds[kind]->name)))
            kind++;
        if (kind == ROLE_KINDS)
            return error_set(err, ERROR_REFUSED, "",
                             "there is no role '" STR_FMT "'; they are api, publish, project",
                             STR_ARG(name));
        if (is_wanted(wanted, kind))
            return error_set(err, ERROR_REFUSED, "", "the role '%s' is given twice",
                             kinds[kind]->name);
        wanted |= 1u << kind;
    } while (rest.len > 0);
    *ret_wanted = wanted;
    return true;
}

const char *roles_text(unsigned wanted, struct arena *arena)
{
    struct str text = STR("");

    for (enum role_kind kind = ROLE_API; kind < ROLE_KINDS; kind++)
        if (is_wanted(wanted, kind))
            text = arena_printf(arena, STR_FMT "%s%s", STR_ARG(text), text.len > 0 ? "," : "",
                                kinds[kind]->name);
    return arena_cstr(arena, text);
}

struct roles *roles_new(const struct role_context *context, unsigned wanted)
{
    struct roles *roles = mem_zalloc(sizeof *roles);

    roles->context = *context;
    roles->wanted = wanted;
    roles->address = "none";
    pthread_mutex_init(&roles->mutex, NULL);
    return roles;
}

void roles_free(struct roles *roles)
{
    if (roles == NULL)
        return;
    assert(roles->context.api == NULL);
    pthread_mutex_destroy(&roles->mutex);
    mem_free(roles);
}

void roles_set_keeper(struct roles *roles, struct keeper *keeper)
{
    atomic_store(&roles->keeper, keeper);
}

static struct api_config api_config_of(struct roles *roles)
{
    static const struct route_table *const routes[] = {&orders_routes, NULL};
    const struct config *config = roles->context.config;

    return (struct api_config){
        .http = settings_http(config),
        .postgres = settings_postgres(config, "daybookd query"),
        .query_threads = (unsigned)config_number(config, "http.query_threads"),
        .query_queue_max = (size_t)config_number(config, "http.query_queue_max"),
        .body_bytes_max = (size_t)config_number(config, "http.body_bytes_max"),
        .bulk_body_bytes_max = (size_t)config_number(config, "http.bulk_body_bytes_max"),
        .command_timeout_ms = config_number(config, "eventlog.command_timeout"),
        .hosts = config_text(config, "http.hosts"),
        .serves_api = is_wanted(roles->wanted, ROLE_API),
        .routes = routes,
        .projections = roles->context.known,
        .subscriptions = settings_subscriptions(config),
        .subscriptions_poll_ms = config_number(config, "subscriptions.poll_interval"),
        .appended = roles->context.appended,
        .instance = roles->context.instance,
        .health = roles_health,
        .health_arg = roles,
    };
}

bool roles_listen(struct roles *roles, struct error *err)
{
    struct api_config config = api_config_of(roles);

    if (!config.serves_api && config_is_default(roles->context.config, "http.listen"))
        return true;
    if (!api_start(&config, &roles->context.api, err))
        return false;
    roles->address = arena_cstr(roles->context.arena, str_of(api_address(roles->context.api)));
    return true;
}

const char *roles_address(const struct roles *roles)
{
    return roles->address;
}

static struct keeper_status keeper_seen(struct roles *roles)
{
    struct keeper *keeper = atomic_load(&roles->keeper);
    struct keeper_status status = {0};

    if (keeper != NULL)
        keeper_status(keeper, &status);
    return status;
}

bool roles_start(struct roles *roles, struct error *err)
{
    struct keeper_status status = keeper_seen(roles);

    assert(status.state == KEEPER_ACQUAINTED);
    roles->identity = status.identity;
    for (enum role_kind kind = ROLE_API; kind < ROLE_KINDS; kind++) {
        void *state;

        if (!is_wanted(roles->wanted, kind))
            continue;
        if (!kinds[kind]->start(&roles->context, &roles->identity, &state, err))
            return error_wrap(err, "start the role '%s'", kinds[kind]->name);
        pthread_mutex_lock(&roles->mutex);
        roles->states[kind] = state;
        pthread_mutex_unlock(&roles->mutex);
    }
    return true;
}

static void *take_state(struct roles *roles, enum role_kind kind)
{
    pthread_mutex_lock(&roles->mutex);
    void *state = TAKE(roles->states[kind]);
    pthread_mutex_unlock(&roles->mutex);
    return state;
}

bool roles_stop(struct roles *roles, int64_t drain_ms)
{
    bool drained = roles->context.api == NULL || api_drain(roles->context.api, drain_ms);

    for (enum role_kind kind = ROLE_API; kind < ROLE_KINDS; kind++) {
        void *state = take_state(roles, kind);

        if (state == NULL)
            continue;
        kinds[kind]->stop(state);
        roles->stopped[kind] = kinds[kind]->free != NULL ? state : NULL;
    }
    return drained;
}

void roles_close(struct roles *roles)
{
    api_stop(TAKE(roles->context.api));
    for (enum role_kind kind = ROLE_API; kind < ROLE_KINDS; kind++)
        if (roles->stopped[kind] != NULL)
            kinds[kind]->free(TAKE(roles->stopped[kind]));
}

static struct role_health health_of(struct roles *roles, enum role_kind kind,
                                    const struct keeper_status *keeper, struct arena *arena)
{
    struct role_health health = {.role = kinds[kind]->name, .state = "ok", .reason = STR("")};

    if (!keeper->connected || roles->states[kind] == NULL) {
        health.state = "down";
        health.reason = !keeper->connected && keeper->error.text[0] != '\0'
                            ? arena_dup(arena, str_of(keeper->error.text))
                            : STR("starting");
        return health;
    }
    kinds[kind]->health(roles->states[kind], arena, &health);
    return health;
}

void roles_health(void *arg, struct arena *arena, struct role_health ret[3], size_t *ret_count)
{
    struct roles *roles = arg;
    struct keeper_status keeper = keeper_seen(roles);

    *ret_count = 0;
    pthread_mutex_lock(&roles->mutex);
    for (enum role_kind kind = ROLE_API; kind < ROLE_KINDS; kind++)
        if (is_wanted(roles->wanted, kind))
            ret[(*ret_count)++] = health_of(roles, kind, &keeper, arena);
    pthread_mutex_unlock(&roles->mutex);
}

static void write_role(struct roles *roles, enum role_kind kind, struct arena *arena,
                       const struct keeper_status *keeper, struct buf *out)
{
    struct role_health health = health_of(roles, kind, keeper, arena);

    json_write_key(out, kinds[kind]->name);
    buf_add_char(out, '{');
    json_write_key(out, "state");
    json_write_cstr(out, health.state);
    json_write_key(out, "reason");
    json_write_str(out, health.reason);
    if (roles->states[kind] != NULL)
        kinds[kind]->write_detail(roles->states[kind], out);
    buf_add_char(out, '}');
}

void roles_write_detail(struct roles *roles, struct buf *out)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct keeper_status keeper = keeper_seen(roles);

    buf_add_char(out, '{');
    json_write_key(out, "address");
    json_write_cstr(out, roles_address(roles));
    pthread_mutex_lock(&roles->mutex);
    for (enum role_kind kind = ROLE_API; kind < ROLE_KINDS; kind++)
        if (is_wanted(roles->wanted, kind))
            write_role(roles, kind, arena, &keeper, out);
    pthread_mutex_unlock(&roles->mutex);
    buf_add_char(out, '}');
}
