/* SPDX-License-Identifier: Apache-2.0 */
/* daybook's verbs: the one table of parser, help, man page and completion. */
#include "cmd/daybook/ask.h"
#include "cmd/daybook/verbs.h"

#include "base/json.h"

static const struct program_option common_options[] = {
    {.name = "output",
     .letter = 'o',
     .value = "FORMAT",
     .choices = "table|tsv|json|ndjson|csv",
     .text = "table, tsv, json, ndjson or csv; default table on a terminal, else tsv"},
    {.name = "url", .value = "URL", .text = "the service; default http://127.0.0.1:8080"},
    {0},
};

#define AT_OPTION \
    { \
        .name = "at", .value = "TIME", .text = "when it happened, as 2026-01-31T09:30:00Z" \
    }
#define LIMIT_OPTION \
    { \
        .name = "limit", .value = "COUNT", .text = "how many at most; default 50" \
    }

static const struct program_option place_options[] = {
    {.name = "customer", .value = "ID", .text = "who orders"},
    {.name = "currency", .value = "CODE", .text = "of the prices, as EUR"},
    {.name = "item",
     .value = "SKU:QUANTITY:PRICE",
     .repeats = true,
     .text = "a line, the price in minor units; may be given several times"},
    {.name = "id", .value = "ID", .text = "the order's id; default a new one"},
    {.name = "draft", .text = "leave it a draft that reserves nothing"},
    AT_OPTION,
    {.name = "idempotency-key",
     .value = "KEY",
     .text = "the same key again is answered as the first time"},
    ASK_DRY_RUN_OPTION,
    {0},
};

static const struct program_option order_ls_options[] = {
    {.name = "customer", .value = "ID", .text = "only of this customer"},
    {.name = "status",
     .value = "STATUS",
     .choices = "draft|placed|paid|shipped|delivered|returned|cancelled",
     .text = "only in this state"},
    {.name = "after", .value = "TIME", .text = "placed at or after it"},
    {.name = "before", .value = "TIME", .text = "placed before it"},
    {.name = "sort",
     .value = "ORDER",
     .choices = "placed_at|-placed_at",
     .text = "placed_at or -placed_at; default the newest first"},
    LIMIT_OPTION,
    {0},
};

static const struct program_option moment_options[] = {ASK_MOMENT_OPTIONS, {0}};

static const struct program_option pay_options[] = {
    {.name = "reference", .value = "TEXT", .text = "of the payment"},
    AT_OPTION,
    ASK_COMMAND_OPTIONS,
    {0},
};

static const struct program_option ship_options[] = {
    {.name = "carrier", .value = "TEXT", .text = "who carries it"},
    {.name = "tracking", .value = "TEXT", .text = "the carrier's number"},
    {.name = "line",
     .value = "LINE:QUANTITY",
     .repeats = true,
     .text = "ship only this much of a line; may be given several times"},
    AT_OPTION,
    ASK_COMMAND_OPTIONS,
    {0},
};

static const struct program_option plain_options[] = {AT_OPTION, ASK_COMMAND_OPTIONS, {0}};

static const struct program_option reason_options[] = {
    {.name = "reason", .value = "TEXT", .text = "why"},
    AT_OPTION,
    ASK_COMMAND_OPTIONS,
    {0},
};

static const struct program_option stock_ls_options[] = {
    {.name = "below", .value = "COUNT", .text = "only where less than this is available"},
    LIMIT_OPTION,
    {0},
};

static const struct program_option append_options[] = {
    {.name = "type", .value = "TYPE", .text = "of the event"},
    {.name = "data", .value = "JSON", .text = "of the event; stored byte for byte"},
    {.name = "metadata", .value = "JSON", .text = "an object; stored byte for byte"},
    {.name = "id", .value = "ID", .text = "the event's id: the same again changes nothing"},
    AT_OPTION,
    ASK_COMMAND_OPTIONS,
    {0},
};

static const struct program_option read_options[] = {
    {.name = "from", .value = "VERSION", .text = "the first to read"},
    {.name = "limit", .value = "COUNT", .text = "how many at most, up to 5000; default 50"},
    {.name = "type", .value = "TYPE", .text = "only of this type"},
    {.name = "backward", .text = "the newest first"},
    {0},
};

#define LETTER_FILTER_OPTIONS \
    {.name = "projection", .value = "NAME", .text = "only of this projection"}, \
        {.name = "stream", .value = "STREAM", .text = "only of this stream"}, \
        {.name = "type", .value = "TYPE", .text = "only of this event type"}, \
        {.name = "class", .value = "CLASS", .text = "only of this class, as poison.fold"}, \
    { \
        .name = "code", .value = "CODE", .text = "only with this code" \
    }
#define YES_OPTION \
    { \
        .name = "yes", .text = "do not ask" \
    }

static const struct program_option dlq_ls_options[] = {
    LETTER_FILTER_OPTIONS,
    {.name = "state",
     .value = "STATE",
     .choices = "open|redriving|resolved|discarded|any",
     .text = "only in this state; default open and redriving"},
    LIMIT_OPTION,
    {0},
};

static const struct program_option dlq_groups_options[] = {LETTER_FILTER_OPTIONS, {0}};

#define LETTER_REQUEST_OPTIONS \
    {.name = "limit", .value = "COUNT", .text = "the oldest so many; default 100, at most 10000"}, \
        {.name = "rate", .value = "COUNT", .text = "so many a second; default all at once"}, \
        {.name = "burst", .value = "COUNT", .text = "so many at once before the rate holds"}, \
    { \
        .name = "dry-run", .text = "only count them" \
    }

static const struct program_option redrive_options[] = {
    LETTER_FILTER_OPTIONS,
    LETTER_REQUEST_OPTIONS,
    {.name = "force", .text = "also those that failed three times with the same cause"},
    YES_OPTION,
    {0},
};

static const struct program_option discard_options[] = {
    LETTER_FILTER_OPTIONS,
    LETTER_REQUEST_OPTIONS,
    {.name = "reason", .value = "TEXT", .text = "why; is kept"},
    YES_OPTION,
    {0},
};

static const struct program_option audit_options[] = {
    {.name = "action", .value = "ACTION", .text = "only this, as dlq.discard"},
    LIMIT_OPTION,
    {0},
};

static const struct program_option event_options[] = {
    {.name = "stream", .value = "STREAM", .text = "whose event, where several streams have its id"},
    {0},
};

static const struct program_option tail_options[] = {
    {.name = "from",
     .value = "PLACE",
     .text = "the first version of the stream, or first position of the log; default what comes"},
    {.name = "category", .value = "CATEGORY", .text = "only of its streams"},
    {.name = "type", .value = "TYPE", .text = "only of this type"},
    {.name = "correlation-id", .value = "ID", .text = "only of this origin"},
    {.name = "count", .value = "COUNT", .text = "end after so many events"},
    {.name = "once", .text = "end when all that was there has been printed"},
    {0},
};

static const struct program_option status_options[] = {
    {.name = "check", .text = "exit 1 and say why unless everything is as it should be"},
    {0},
};

static const struct program_option accept_options[] = {
    {.name = "prefix", .value = "PREFIX", .text = "new-log: what its topics begin with"},
    {.name = "position",
     .value = "POSITION",
     .text = "loss: the last that readers take from the log"},
    {.name = "yes", .text = "do not ask"},
    {0},
};

#define DETACH_OPTION \
    { \
        .name = "detach", .text = "do not wait for its end" \
    }

static const struct program_option rebuild_options[] = {
    {.name = "activate", .text = "as soon as it is ready, without a look at the difference"},
    {.name = "rate", .value = "COUNT", .text = "events a second at most; default all it can"},
    DETACH_OPTION,
    YES_OPTION,
    {0},
};
static const struct program_option replay_options[] = {
    {.name = "after", .value = "POSITION", .text = "behind this one; default from the first"},
    {.name = "up-to", .value = "POSITION", .text = "the last one; default the log's head now"},
    {.name = "since", .value = "TIME", .text = "recorded at or after it"},
    {.name = "until", .value = "TIME", .text = "recorded before it"},
    {.name = "category", .value = "CATEGORY", .text = "only of these streams"},
    {.name = "type", .value = "TYPE", .text = "only of this type"},
    {.name = "rate", .value = "COUNT", .text = "events a second at most; default all it can"},
    DETACH_OPTION,
    {0},
};
static const struct program_option from_options[] = {
    {.name = "from", .value = "VERSION", .text = "the first to read"}, {0}};
static const struct program_option import_options[] = {
    {.name = "to", .value = "STREAM", .text = "into this one; default the one each was in"},
    {.name = "override", .text = "also into streams of a domain, for repairs"},
    {0},
};
static const struct program_option diff_options[] = {
    {.name = "generation",
     .value = "NUMBER",
     .text = "to compare with the live one; default what was built"},
    {.name = "check", .text = "exit 8 when there is a difference"},
    {0},
};
static const struct program_option switch_options[] = {DETACH_OPTION, YES_OPTION, {0}};
static const struct program_option yes_options[] = {YES_OPTION, {0}};
static const struct program_option job_ls_options[] = {LIMIT_OPTION, {0}};

static const struct verb verbs[] = {
    {.name = "order place",
     .arguments = "",
     .options = place_options,
     .run = order_place_run,
     .text = "place an order, reserving its stock"},
    {.name = "order show",
     .arguments = "ID",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = moment_options,
     .run = order_show_run,
     .text = "show one order as it is now, or as it was"},
    {.name = "order history",
     .arguments = "ID",
     .arguments_min = 1,
     .arguments_max = 1,
     .run = order_history_run,
     .text = "tell what happened to an order, event by event"},
    {.name = "order ls",
     .arguments = "",
     .options = order_ls_options,
     .run = order_ls_run,
     .text = "list orders"},
    {.name = "order pay",
     .arguments = "ID AMOUNT",
     .arguments_min = 2,
     .arguments_max = 2,
     .options = pay_options,
     .run = order_pay_run,
     .text = "pay exactly the total, in minor units"},
    {.name = "order ship",
     .arguments = "ID",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = ship_options,
     .run = order_ship_run,
     .text = "ship what is left of a paid order, or parts of it"},
    {.name = "order deliver",
     .arguments = "ID",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = plain_options,
     .run = order_deliver_run,
     .text = "note that a shipped order arrived"},
    {.name = "order cancel",
     .arguments = "ID",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = reason_options,
     .run = order_cancel_run,
     .text = "cancel an order that is not shipped, releasing its stock"},
    {.name = "order return",
     .arguments = "ID",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = reason_options,
     .run = order_return_run,
     .text = "note that a delivered order came back"},
    {.name = "order refund",
     .arguments = "ID AMOUNT",
     .arguments_min = 2,
     .arguments_max = 2,
     .options = reason_options,
     .run = order_refund_run,
     .text = "pay back part of what was paid, or all of it, in minor units"},
    {.name = "stock receive",
     .arguments = "SKU QUANTITY",
     .arguments_min = 2,
     .arguments_max = 2,
     .options = plain_options,
     .run = stock_receive_run,
     .text = "take goods into stock"},
    {.name = "stock adjust",
     .arguments = "SKU DELTA",
     .arguments_min = 2,
     .arguments_max = 2,
     .options = reason_options,
     .run = stock_adjust_run,
     .text = "correct the count of a SKU by so many, with --reason"},
    {.name = "stock show",
     .arguments = "SKU",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = moment_options,
     .run = stock_show_run,
     .text = "show the stock of a SKU as it is now, or as it was"},
    {.name = "stock ls",
     .arguments = "",
     .options = stock_ls_options,
     .run = stock_ls_run,
     .text = "list the stock of all SKUs"},
    {.name = "stream append",
     .arguments = "STREAM",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = append_options,
     .run = stream_append_run,
     .text = "append one event of your own to a stream"},
    {.name = "stream read",
     .arguments = "STREAM",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = read_options,
     .run = stream_read_run,
     .text = "read a stream's events"},
    {.name = "stream tail",
     .arguments = "[STREAM]",
     .arguments_max = 1,
     .options = tail_options,
     .run = stream_tail_run,
     .text = "print events as they come, of a stream or of the whole log"},
    {.name = "event show",
     .arguments = "ID",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = event_options,
     .run = event_show_run,
     .text = "show one event"},
    {.name = "event trace",
     .arguments = "ID",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = event_options,
     .run = event_trace_run,
     .text = "tell where an event went: topic, read models, dead letters"},
    {.name = "stream export",
     .arguments = "STREAM",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = from_options,
     .run = stream_export_run,
     .text = "write a stream as lines of CloudEvents"},
    {.name = "stream import",
     .arguments = "[FILE]",
     .arguments_max = 1,
     .options = import_options,
     .run = stream_import_run,
     .text = "append lines of CloudEvents, as export writes them",
     .details = "Events keep their ids: a file that is imported again changes nothing. Up to "
                "500\nlines of one stream are one append; which ones follows from the file alone."},
    {.name = "publisher status",
     .arguments = "",
     .run = publisher_status_run,
     .text = "show who publishes, how far, and why not"},
    {.name = "publisher pause",
     .arguments = "",
     .run = publisher_pause_run,
     .text = "stop publishing until it is resumed"},
    {.name = "publisher resume",
     .arguments = "",
     .run = publisher_resume_run,
     .text = "publish again"},
    {.name = "publisher accept",
     .arguments = "retry|new-log|loss",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = accept_options,
     .run = publisher_accept_run,
     .text = "let a stopped publisher go on"},
    {.name = "dlq ls",
     .arguments = "",
     .options = dlq_ls_options,
     .run = dlq_ls_run,
     .text = "list dead letters, the newest first"},
    {.name = "dlq groups",
     .arguments = "",
     .options = dlq_groups_options,
     .run = dlq_groups_run,
     .text = "count dead letters by cause"},
    {.name = "dlq show",
     .arguments = "ID",
     .arguments_min = 1,
     .arguments_max = 1,
     .run = dlq_show_run,
     .text = "show a dead letter: event, error, queue behind it, last good event of its type"},
    {.name = "dlq redrive",
     .arguments = "[ID]",
     .arguments_max = 1,
     .options = redrive_options,
     .run = dlq_redrive_run,
     .text = "try again: one letter, or all that fit",
     .details = "The event is read from the log again, so a fix of program or upcaster takes "
                "effect; what is queued\nbehind it follows in order. Without ID the oldest that "
                "fit the options are taken."},
    {.name = "dlq discard",
     .arguments = "[ID]",
     .arguments_max = 1,
     .options = discard_options,
     .run = dlq_discard_run,
     .text = "leave an event out for good, with --reason: one letter, or all that fit"},
    {.name = "dlq batch",
     .arguments = "BATCH",
     .arguments_min = 1,
     .arguments_max = 1,
     .run = dlq_batch_run,
     .text = "show how far a redrive or discard is"},
    {.name = "audit",
     .arguments = "",
     .options = audit_options,
     .run = audit_run,
     .text = "list what operators did, the newest first"},
    {.name = "projection ls",
     .arguments = "",
     .run = projection_ls_run,
     .text = "list read models, what they do and how far they are"},
    {.name = "projection show",
     .arguments = "NAME",
     .arguments_min = 1,
     .arguments_max = 1,
     .run = projection_show_run,
     .text = "show a read model with its generations and partitions"},
    {.name = "projection pause",
     .arguments = "NAME",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = yes_options,
     .run = projection_pause_run,
     .text = "stop a read model, in every process"},
    {.name = "projection resume",
     .arguments = "NAME",
     .arguments_min = 1,
     .arguments_max = 1,
     .run = projection_resume_run,
     .text = "let it go on"},
    {.name = "projection rebuild",
     .arguments = "NAME",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = rebuild_options,
     .run = projection_rebuild_run,
     .text = "build a read model anew beside the live one",
     .details =
         "A new generation is filled from the log and catches up; readers see the live one "
         "meanwhile. Then\nlook at `daybook projection diff`, and `daybook projection activate`."},
    {.name = "projection diff",
     .arguments = "NAME",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = diff_options,
     .run = projection_diff_run,
     .text = "compare the rows of what was built with the live ones"},
    {.name = "projection activate",
     .arguments = "NAME",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = switch_options,
     .run = projection_activate_run,
     .text = "make what was built the live one"},
    {.name = "projection rollback",
     .arguments = "NAME",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = switch_options,
     .run = projection_rollback_run,
     .text = "go back to the generation before"},
    {.name = "projection drop",
     .arguments = "NAME GENERATION",
     .arguments_min = 2,
     .arguments_max = 2,
     .options = yes_options,
     .run = projection_drop_run,
     .text = "drop a generation that is not read, with its table"},
    {.name = "replay projection",
     .arguments = "NAME",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = rebuild_options,
     .run = projection_rebuild_run,
     .text = "the same as projection rebuild"},
    {.name = "replay topic",
     .arguments = "TOPIC",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = replay_options,
     .run = replay_topic_run,
     .text = "write a part of the log to a topic once more",
     .details = "Records are marked by the headers ce_replay (the job) and ce_replaynumber. Each "
                "event is there\nonce and in order, whatever happens to the process at work. The "
                "topic is made unless it is there;\nthe topics of the log itself are refused."},
    {.name = "replay stream",
     .arguments = "STREAM",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = from_options,
     .run = replay_stream_run,
     .text = "print all events of a stream"},
    {.name = "job ls",
     .arguments = "",
     .options = job_ls_options,
     .run = job_ls_run,
     .text = "list long work, the newest first"},
    {.name = "job attach",
     .arguments = "ID",
     .arguments_min = 1,
     .arguments_max = 1,
     .run = job_attach_run,
     .text = "follow a job to its end"},
    {.name = "job cancel",
     .arguments = "ID",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = yes_options,
     .run = job_cancel_run,
     .text = "end a job"},
    {.name = "status",
     .arguments = "",
     .options = status_options,
     .run = status_run,
     .text = "show log, processes, publisher and projections"},
    PROGRAM_COMMON_VERBS,
    {0},
};

static const char *const environment[][2] = {
    {"DAYBOOK_URL", "the service's address, unless --url is given"},
    {NULL, NULL},
};

static const char *const examples[][2] = {
    {"daybook stock receive coffee-250g 10", "take ten into stock"},
    {"daybook order place --customer ada --currency EUR --item coffee-250g:2:1250",
     "order two of them at 12.50 each"},
    {"daybook order ls --customer ada -o json", "all her orders, for a program to read"},
    {NULL, NULL},
};

static const struct program program = {
    .name = "daybook",
    .summary = "orders, stock, streams and the state of a Daybook service, over HTTP",
    .version = DAYBOOK_VERSION,
    .verbs = verbs,
    .options = common_options,
    .environment = environment,
    .examples = examples,
};

int main(int argc, char **argv)
{
    json_setup();
    return program_main(&program, argc, argv);
}
