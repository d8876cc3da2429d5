/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/accounts.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PARTNER_MAX = 64, SPOILT = -999999 };

struct account {
    int64_t balance;
    char partner[PARTNER_MAX];
};

struct account_event {
    int64_t amount;
    char partner[PARTNER_MAX];
};

static void *state_new(void)
{
    return mem_zalloc(sizeof(struct account));
}

static void *state_clone(const void *state)
{
    return mem_dup(state, sizeof(struct account));
}

static void state_free(void *state)
{
    mem_free(state);
}

static size_t state_bytes(const void *state)
{
    (void)state;
    return sizeof(struct account);
}

static bool parse_amount(struct str data, int64_t *ret_amount)
{
    const struct str before = STR("{\"amount\":");

    return str_starts_with(data, before) && data.data[data.len - 1] == '}' &&
           str_to_i64(str_from(data.data + before.len, data.len - before.len - 1), ret_amount);
}

static bool parse_data(struct str type, struct str data, struct account_event *event)
{
    char text[128];

    snprintf(text, sizeof(text), STR_FMT, STR_ARG(data));
    memset(event, 0, sizeof(*event));
    if (str_equal(type, STR("Opened")))
        return sscanf(text, "{\"partner\":\"%63[a-z0-9]\"}", event->partner) == 1 ||
               strcmp(text, "{\"partner\":\"\"}") == 0;
    return str_equal(type, STR("Added")) && parse_amount(data, &event->amount);
}

static bool event_parse(struct str type, struct str data, int64_t occurred_at_us,
                        struct arena *arena, struct domain_event *ret_event, struct error *err)
{
    struct account_event *event = ARENA_NEW(arena, struct account_event);

    if (!parse_data(type, data, event))
        return error_set(err, ERROR_POISON, "", "malformed event '" STR_FMT "'", STR_ARG(type));
    *ret_event = (struct domain_event){
        .type = str_equal(type, STR("Opened")) ? "Opened" : "Added",
        .payload = event,
        .occurred_at_us = occurred_at_us,
    };
    return true;
}

static void event_write(const struct domain_event *event, struct buf *out)
{
    const struct account_event *e = event->payload;

    if (strcmp(event->type, "Opened") == 0)
        buf_printf(out, "{\"partner\":\"%s\"}", e->partner);
    else
        buf_printf(out, "{\"amount\":%" PRId64 "}", e->amount);
}

static bool evolve(void *state, const struct domain_event *event, struct error *err)
{
    const struct account_event *e = event->payload;
    struct account *account = state;

    if (strcmp(event->type, "Opened") == 0) {
        memcpy(account->partner, e->partner, PARTNER_MAX);
        return true;
    }
    account->balance += e->amount;
    if (account->balance < 0)
        return error_set(err, ERROR_POISON, "", "the balance would be %" PRId64, account->balance);
    return true;
}

static void state_write(const void *state, struct buf *out)
{
    const struct account *account = state;

    buf_printf(out, "%" PRId64 " %s.", account->balance, account->partner);
}

static bool state_parse(struct str bytes, void **ret_state, struct error *err)
{
    struct account account = {0};
    char text[128];
    char end = 0;

    snprintf(text, sizeof(text), STR_FMT, STR_ARG(bytes));
    if ((sscanf(text, "%" SCNd64 " %63[a-z0-9]%c", &account.balance, account.partner, &end) < 2 &&
         sscanf(text, "%" SCNd64 " %c", &account.balance, &end) < 2) ||
        end != '.')
        return error_set(err, ERROR_POISON, "", "malformed account");
    *ret_state = mem_dup(&account, sizeof(account));
    return true;
}

const struct aggregate_type account_type = {
    .category = "account",
    .state_new = state_new,
    .state_clone = state_clone,
    .state_free = state_free,
    .state_bytes = state_bytes,
    .event_parse = event_parse,
    .event_write = event_write,
    .evolve = evolve,
    .state_schema = 1,
    .state_write = state_write,
    .state_parse = state_parse,
};

bool account_fold(struct str type, struct str data, int64_t *balance)
{
    struct account_event event;

    if (!parse_data(type, data, &event) || *balance + event.amount < 0)
        return false;
    *balance += event.amount;
    return true;
}

static void emit(struct decision *d, size_t stream, const char *type, int64_t amount,
                 const char *partner)
{
    struct account_event *e = ARENA_NEW(decision_arena(d), struct account_event);

    e->amount = amount;
    snprintf(e->partner, sizeof(e->partner), "%s", partner);
    decision_emit(d, stream, type, e);
}

static const struct account *account_or_refuse(struct decision *d, size_t stream)
{
    const struct account *account = decision_state(d, stream);

    if (account == NULL)
        decision_refuse(d, "not-found", "there is no such account");
    return account;
}

static void decide_open(struct decision *d)
{
    const struct account_order *order = decision_payload(d);

    if (decision_version(d, DECISION_MAIN).n > 0)
        decision_refuse(d, "already-exists", "the account exists");
    else
        emit(d, DECISION_MAIN, "Opened", 0, order->partner != NULL ? order->partner : "");
}

static void decide_add(struct decision *d)
{
    const struct account_order *order = decision_payload(d);
    const struct account *account = account_or_refuse(d, DECISION_MAIN);

    if (account == NULL)
        return;
    if (account->balance + order->amount < 0) {
        decision_refuse(d, "insufficient", "the balance is %" PRId64, account->balance);
        buf_printf(decision_members(d), "\"balance\":%" PRId64, account->balance);
        return;
    }
    emit(d, DECISION_MAIN, "Added", order->amount, "");
}

static void streams_give(struct decision *d)
{
    const struct account *account = decision_state(d, DECISION_MAIN);

    if (account != NULL && account->partner[0] != '\0')
        decision_stream(d, "account", str_of(account->partner));
}

static void decide_give(struct decision *d)
{
    const struct account_order *order = decision_payload(d);
    const struct account *account = account_or_refuse(d, DECISION_MAIN);
    size_t partner;

    if (account == NULL)
        return;
    if (account->partner[0] == '\0') {
        decision_refuse(d, "no-partner", "the account has no partner");
        return;
    }
    partner = decision_stream(d, "account", str_of(account->partner));
    if (account_or_refuse(d, partner) == NULL)
        return;
    if (account->balance < order->amount) {
        decision_refuse(d, "insufficient", "the balance is %" PRId64, account->balance);
        return;
    }
    emit(d, DECISION_MAIN, "Added", -order->amount, "");
    emit(d, partner, "Added", order->amount, "");
}

static void decide_adopt(struct decision *d)
{
    const struct account *account = account_or_refuse(d, DECISION_MAIN);
    const struct account *partner;

    if (account == NULL)
        return;
    if (account->partner[0] == '\0') {
        decision_refuse(d, "no-partner", "the account has no partner");
        return;
    }
    partner = account_or_refuse(d, decision_stream(d, "account", str_of(account->partner)));
    if (partner != NULL)
        emit(d, DECISION_MAIN, "Opened", 0, partner->partner);
}

static void decide_draw(struct decision *d)
{
    const struct account_order *order = decision_payload(d);

    emit(d, DECISION_MAIN, "Added", -order->amount, "");
}

static void decide_touch(struct decision *d)
{
    (void)d;
}

static void decide_spoil(struct decision *d)
{
    emit(d, DECISION_MAIN, "Added", 1, "");
    emit(d, DECISION_MAIN, "Added", SPOILT, "");
}

static void decide_bulk(struct decision *d)
{
    const struct account_order *order = decision_payload(d);

    for (int64_t i = 0; i < order->amount; i++)
        emit(d, DECISION_MAIN, "Added", 1, "");
}

#define COMMAND(function, title, is_new, naming) \
    const struct command_type account_##function = { \
        .name = "account." title, \
        .category = "account", \
        .expects_new = (is_new), \
        .streams = (naming), \
        .decide = decide_##function, \
    }

COMMAND(open, "open", true, NULL);
COMMAND(add, "add", false, NULL);
COMMAND(give, "give", false, streams_give);
COMMAND(adopt, "adopt", false, streams_give);
COMMAND(draw, "draw", false, NULL);
COMMAND(touch, "touch", false, NULL);
COMMAND(spoil, "spoil", false, NULL);
COMMAND(bulk, "bulk", false, NULL);

static const struct aggregate_type *const aggregates[] = {&account_type, NULL};
static const struct command_type *const commands[] = {
    &account_open,  &account_add,   &account_give, &account_draw,
    &account_touch, &account_spoil, &account_bulk, NULL};

const struct domain accounts_domain = {
    .name = "accounts", .aggregates = aggregates, .commands = commands};
