/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon: starts at once, works as soon as the database is there, ends when it is told.
 *
 * Main does nothing but wait for signals and for the keeper. SIGTERM and SIGINT drain; a second one
 * ends the process by its default action; what takes longer than it may is cut off.
 */
#include "cmd/daybookd/keeper.h"
#include "cmd/daybookd/notify.h"
#include "cmd/daybookd/roles.h"
#include "cmd/daybookd/settings.h"
#include "cmd/daybookd/verbs.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "base/uuid.h"
#include "orders/orders.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    DRAIN_MS = 6000, /* for answers in flight; commands are answered within their time-out */
    END_SECONDS = 9, /* for everything: SIGTERM ends within 10 s */
    HOST_BYTES = 256,
};

static struct metric build_info = {
    .kind = METRIC_GAUGE,
    .name = "daybook_build_info",
    .help = "Always 1: which program this is.",
    .labels = {"version"},
};

struct daemon {
    struct invocation *invocation;
    struct config *config;
    unsigned wanted;
    const char *roles_names;
    struct role_context context;
    struct roles *roles;
    struct keeper *keeper;
    int signal_fd;
    int decided_fd; /* the keeper has decided */
    bool failed;
};

static void block_signals(sigset_t *ret_handled)
{
    sigemptyset(ret_handled);
    sigaddset(ret_handled, SIGTERM);
    sigaddset(ret_handled, SIGINT);
    sigaddset(ret_handled, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ret_handled, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Each connection takes a descriptor; the soft limit of 1,024 is for programs that use select(). */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warn("the limit of file descriptors stays as it is", LOG_CSTR("why", strerror(errno)));
}

static void on_alarm(int number)
{
    static const char text[] = "daybookd: did not end in time, what is left is cut off\n";

    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(EXIT_FAILED);
}

/* From now on the signals end the process by their default action. */
static void prepare_second_signal(void)
{
    sigset_t ending;

    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGALRM, on_alarm);
    alarm(END_SECONDS);
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &ending, NULL);
}

static void keeper_decided(void *arg)
{
    const struct daemon *daemon = arg;
    const uint64_t one = 1;

    (void)!write(daemon->decided_fd, &one, sizeof one);
}

static void write_detail(void *arg, struct buf *out)
{
    roles_write_detail(((struct daemon *)arg)->roles, out);
}

static struct process process_of(const struct daemon *daemon)
{
    struct arena *arena = daemon->invocation->arena;
    char id[UUID_TEXT_LEN + 1];
    char host[HOST_BYTES] = "";

    uuid_format(uuid_v7(), id);
    (void)gethostname(host, sizeof host - 1);
    return (struct process){
        .id = arena_dup(arena, str_of(id)),
        .instance = str_of(daemon->context.instance),
        .host = arena_dup(arena, str_of(host)),
        .pid = (int32_t)getpid(),
        .roles = str_of(daemon->roles_names),
        .version = STR(DAYBOOK_VERSION),
        .started_at_us = clock_wall_us(),
    };
}

static bool start_keeper(struct daemon *daemon, struct error *err)
{
    struct keeper_config config = {
        .postgres = settings_postgres(daemon->config, "daybookd keeper"),
        .upkeep = settings_upkeep(daemon->config),
        .process = process_of(daemon),
        .write_detail = write_detail,
        .decided = keeper_decided,
        .arg = daemon,
    };

    return keeper_start(&config, &daemon->keeper, err);
}

static bool open_descriptors(struct daemon *daemon, const sigset_t *handled, struct error *err)
{
    daemon->signal_fd = signalfd(-1, handled, SFD_CLOEXEC);
    daemon->decided_fd = eventfd(0, EFD_CLOEXEC);
    if (daemon->signal_fd >= 0 && daemon->decided_fd >= 0)
        return true;
    return error_set(err, ERROR_FATAL, "", "open descriptors: %s", strerror(errno));
}

static bool start(struct daemon *daemon, struct error *err)
{
    daemon->roles = roles_new(&daemon->context, daemon->wanted);
    if (!roles_listen(daemon->roles, err) || !start_keeper(daemon, err))
        return false;
    roles_set_keeper(daemon->roles, daemon->keeper);
    return true;
}

/* HTTP asks the keeper, and the keeper asks the roles. */
static void release(struct daemon *daemon)
{
    if (daemon->roles != NULL)
        roles_close(daemon->roles);
    keeper_stop(daemon->keeper);
    roles_free(daemon->roles);
    signal_free(daemon->context.appended);
    close(daemon->signal_fd);
    close(daemon->decided_fd);
}

/* False: the process can not do its work. */
static bool on_decided(struct daemon *daemon)
{
    struct keeper_status status;
    struct error err;
    uint64_t count;

    (void)!read(daemon->decided_fd, &count, sizeof count);
    keeper_status(daemon->keeper, &status);
    if (status.state == KEEPER_REFUSED) {
        log_error("the database does not fit this program", LOG_ERR(&status.error));
        return false;
    }
    if (!roles_start(daemon->roles, &err)) {
        log_error("daybookd does not start", LOG_ERR(&err));
        return false;
    }
    log_info("daybookd works", LOG_CSTR("roles", daemon->roles_names),
             LOG_CSTR("address", roles_address(daemon->roles)),
             LOG_CSTR("log", status.identity.name), LOG_CSTR("log_id", status.identity.id));
    notify_manager("READY=1");
    return true;
}

/* Takes over what may change while running; names what may not. */
static void reload(const struct daemon *daemon)
{
    SCOPED(config_free) struct config *config = NULL;

    if (!settings_load(daemon->invocation, &config)) {
        log_error("the configuration stays as it is: the new one has faults");
        return;
    }
    for (size_t i = 0; i < daybookd_settings.settings_count; i++) {
        const struct setting *setting = &daybookd_settings.settings[i];

        if (!setting->reloadable && strcmp(config_text(config, setting->key),
                                           config_text(daemon->config, setting->key)) != 0)
            log_warn("a setting needs a restart", LOG_CSTR("key", setting->key));
    }
    log_set_level(settings_log_level(config));
    log_info("configuration loaded again", LOG_CSTR("level", config_text(config, "logging.level")));
}

/* True: end. */
static bool on_signal(struct daemon *daemon)
{
    struct signalfd_siginfo info;

    if (read(daemon->signal_fd, &info, sizeof info) != sizeof info)
        return false;
    if (info.ssi_signo == SIGHUP) {
        reload(daemon);
        return false;
    }
    log_info("told to end", LOG_CSTR("signal", strsignal((int)info.ssi_signo)));
    return true;
}

static void wait_for_the_end(struct daemon *daemon)
{
    struct pollfd fds[] = {{.fd = daemon->signal_fd, .events = POLLIN},
                           {.fd = daemon->decided_fd, .events = POLLIN}};

    for (;;) {
        if (poll(fds, sizeof fds / sizeof *fds, -1) < 0)
            continue; /* EINTR: a signal that was not blocked, such as SIGCONT */
        if (fds[0].revents != 0 && on_signal(daemon))
            return;
        if (fds[1].revents != 0 && !on_decided(daemon)) {
            daemon->failed = true;
            return;
        }
    }
}

static int run(struct daemon *daemon)
{
    sigset_t handled;
    struct error err;

    block_signals(&handled);
    raise_descriptor_limit();
    metric_set(METRIC_AT(&build_info, DAYBOOK_VERSION), 1);
    daemon->context.appended = signal_new();
    if (!open_descriptors(daemon, &handled, &err) || !start(daemon, &err)) {
        log_error("daybookd does not start", LOG_ERR(&err));
        release(daemon);
        return EXIT_FAILED;
    }
    log_info("daybookd started", LOG_CSTR("version", DAYBOOK_VERSION),
             LOG_CSTR("instance", daemon->context.instance), LOG_CSTR("roles", daemon->roles_names),
             LOG_CSTR("address", roles_address(daemon->roles)));
    wait_for_the_end(daemon);
    prepare_second_signal();
    notify_manager("STOPPING=1");
    if (!roles_stop(daemon->roles, DRAIN_MS))
        log_warn("some requests were not answered in time");
    release(daemon);
    log_info("daybookd ended");
    return daemon->failed ? EXIT_FAILED : EXIT_OK;
}

static const struct projection *const *select_projections(const struct projection *const *known,
                                                          const char *names, struct arena *arena)
{
    size_t count = 0;

    if (strcmp(names, "all") == 0)
        return known;
    for (const struct projection *const *p = known; *p != NULL; p++)
        count++;
    const struct projection **chosen = ARENA_ARRAY(arena, const struct projection *, count + 1);
    count = 0;
    for (const struct projection *const *p = known; *p != NULL; p++) {
        struct str rest = str_of(names);

        while (rest.len > 0)
            if (str_equal(str_trim(str_split(rest, ',', &rest)), str_of((*p)->name))) {
                chosen[count++] = *p;
                break;
            }
    }
    return chosen;
}

static int run_with_roles(struct invocation *invocation, unsigned wanted)
{
    SCOPED(config_free) struct config *config = NULL;
    const struct projection *const *known;
    struct daemon daemon = {
        .invocation = invocation, .wanted = wanted, .signal_fd = -1, .decided_fd = -1};

    if (!settings_load(invocation, &config) || !settings_projections(invocation, config, &known))
        return EXIT_CONFIGURATION;
    json_setup();
    log_init(settings_log_level(config), settings_log_format(config));
    daemon.config = config;
    daemon.roles_names = roles_text(wanted, invocation->arena);
    daemon.context = (struct role_context){
        .config = config,
        .instance = settings_instance(config, invocation->arena),
        .arena = invocation->arena,
        .projections =
            select_projections(known, config_text(config, "projection.names"), invocation->arena),
        .known = known,
    };
    return run(&daemon);
}

int serve_run(struct invocation *invocation)
{
    const char *roles = invocation_option(invocation, "roles");
    unsigned wanted;
    struct error err;

    if (!roles_parse(roles != NULL ? roles : "api,publish,project", &wanted, &err)) {
        program_complain(invocation->program, &err);
        return EXIT_USAGE;
    }
    return run_with_roles(invocation, wanted);
}

int publish_run(struct invocation *invocation)
{
    return run_with_roles(invocation, 1u << ROLE_PUBLISH);
}

/* Names on the command line are the setting projection.names. */
int project_run(struct invocation *invocation)
{
    struct str names = STR("");

    for (size_t i = 0; i < invocation->arguments_count; i++)
        names = arena_printf(invocation->arena, STR_FMT "%s%s", STR_ARG(names), i > 0 ? "," : "",
                             invocation->arguments[i]);
    if (names.len > 0 && invocation->flags_count < PROGRAM_OPTIONS_MAX)
        invocation->flags[invocation->flags_count++] =
            (struct config_flag){.key = "projection.names", .value = names.data};
    return run_with_roles(invocation, 1u << ROLE_PROJECT);
}
