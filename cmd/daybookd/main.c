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
