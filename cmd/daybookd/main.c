/* SPDX-License-Identifier: Apache-2.0 */
/* daybookd's verbs: the one table of parser, help, man page and completion. */
#include "cmd/daybookd/settings.h"
#include "cmd/daybookd/verbs.h"

static const struct program_option common_options[] = {
    {.name = "config",
     .value = "FILE",
     .text = "configuration; default /etc/daybook/daybook.conf, then its .d directory"},
    {0},
};

static const struct program_option serve_options[] = {
    {.name = "roles",
     .value = "ROLES",
     .text = "of api, publish, project, separated by commas; default all"},
    {0},
};

static const struct verb verbs[] = {
    {.name = "serve",
     .arguments = "",
     .options = serve_options,
     .takes_settings = true,
     .run = serve_run,
     .text = "run the daemon with these roles, until SIGTERM",
     .details = "It starts with PostgreSQL or Kafka away and works as soon as they are there. "
                "SIGTERM answers what\nis in flight and ends within 10 s; SIGHUP reloads what can "
                "be reloaded."},
    {.name = "publish",
     .arguments = "",
     .takes_settings = true,
     .run = publish_run,
     .text = "run the publisher alone: the log to Kafka, one leader per log"},
    {.name = "project",
     .arguments = "[NAME...]",
     .arguments_max = 32,
     .takes_settings = true,
     .run = project_run,
     .text = "run the projector alone: read models from Kafka, shared by partition",
     .details = "Without names it works on all projections."},
    {.name = "migrate up",
     .arguments = "",
     .takes_settings = true,
     .run = migrate_up_run,
     .text = "bring the database's schema up to this program's; makes the log the first time"},
    {.name = "migrate status",
     .arguments = "",
     .takes_settings = true,
     .run = migrate_status_run,
     .text = "list the schema's migrations and whether they are applied"},
    {.name = "verify",
     .arguments = "",
     .options = verify_options,
     .takes_settings = true,
     .run = verify_verb_run,
     .text = "prove that log, topics and read models agree; exit status 8 when they do not",
     .details = "Everything is read again and compared by position, version and content, beside "
                "the running\ninstallation and without changing anything."},
    {.name = "bench append",
     .arguments = "",
     .options = bench_append_options,
     .takes_settings = true,
     .run = bench_append_run,
     .text = "measure the engine alone: writes straight to a writer, without HTTP",
     .details = "It really appends, and what is in a log stays: streams bench-0 to bench-9999 of "
                "tenant bench, or with\n--orders orders and stock of that tenant. Hence --yes. "
                "Beside a running installation the two share\nthe log's head. One write of the "
                "default is one event of some 300 bytes."},
    {.name = "bench publish",
     .arguments = "",
     .options = bench_follow_options,
     .takes_settings = true,
     .run = bench_publish_run,
     .text = "measure the running publisher: a backlog of the log to Kafka",
     .details = "It only looks: from where the publisher's cursor is, until it is where the log's "
                "head was when\nthe command began. The time runs from the cursor's first move, so "
                "the publisher may be started\nbehind it. Without a backlog there are 0 events."},
    {.name = "bench project",
     .arguments = "NAME",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = bench_follow_options,
     .takes_settings = true,
     .run = bench_project_run,
     .text = "measure the running projectors: a backlog of Kafka to a read model",
     .details = "It only looks: until the checkpoints are where the last published events were "
                "when the command\nbegan; what lay between is counted in the log afterwards. The "
                "time runs from the first move, so\nprojectors may be started behind it."},
    {.name = "bench rebuild",
     .arguments = "NAME",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = bench_rebuild_options,
     .takes_settings = true,
     .run = bench_rebuild_run,
     .text = "measure the running projectors: a read model filled from the log",
     .details = "It asks for a rebuild, waits for it, and drops what was built unless --keep is "
                "given. The live read\nmodel is not touched. A command that is broken off leaves "
                "the job to itself: 'daybook job cancel'."},
    {.name = "config check",
     .arguments = "",
     .takes_settings = true,
     .run = config_check_run,
     .text = "tell every fault of the configuration"},
    {.name = "config print",
     .arguments = "",
     .takes_settings = true,
     .run = config_print_run,
     .text = "print every setting's value and where it is from; secrets are masked"},
    {.name = "config explain",
     .arguments = "",
     .run = config_explain_run,
     .text = "print every setting's meaning, type, range and default"},
    PROGRAM_COMMON_VERBS,
    {0},
};

static const char *const environment[][2] = {
    {"DAYBOOK_SECTION_KEY", "a setting: DAYBOOK_HTTP_LISTEN is http.listen"},
    {"DAYBOOK_POSTGRES_URL_FILE", "a file that holds the secret postgres.url"},
    {NULL, NULL},
};

static const char *const examples[][2] = {
    {"daybookd migrate up --postgres.url_file /etc/daybook/url", "make or change the schema"},
    {"daybookd serve", "everything in one process"},
    {"daybookd serve --roles api --http.listen 127.0.0.1:8081", "one more process of one role"},
    {NULL, NULL},
};

static const struct program program = {
    .name = "daybookd",
    .summary = "an event log on PostgreSQL, published to Kafka exactly once, with read models",
    .version = DAYBOOK_VERSION,
    .verbs = verbs,
    .options = common_options,
    .settings = &daybookd_settings,
    .environment = environment,
    .examples = examples,
};

int main(int argc, char **argv)
{
    return program_main(&program, argc, argv);
}
