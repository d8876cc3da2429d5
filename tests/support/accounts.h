/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tiny domain for tests of the engine: accounts that may have a partner.
 *
 *   account.open    {partner?}  new; refused if it exists
 *   account.add     {amount}    refused below zero, or when it does not exist
 *   account.give    {amount}    to the partner, which only the account's state names
 *   account.adopt   {}          takes its partner's partner for its own
 *   account.draw    {amount}    takes it unseen: only evolve looks at the balance
 *   account.touch   {}          emits nothing
 *   account.spoil   {}          emits what its own evolve refuses
 *   account.bulk    {amount}    emits so many events
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_TESTS_SUPPORT_ACCOUNTS_H
#define DAYBOOK_TESTS_SUPPORT_ACCOUNTS_H
#include "eventlog/decider.h"

extern const struct domain accounts_domain;
extern const struct aggregate_type account_type; /* "<balance> <partner>." is its state as bytes */
extern const struct command_type account_open;
extern const struct command_type account_add;
extern const struct command_type account_give;
extern const struct command_type account_adopt;
extern const struct command_type account_draw;
extern const struct command_type account_touch;
extern const struct command_type account_spoil;
extern const struct command_type account_bulk;

struct account_order { /* a command's payload */
    int64_t amount;
    const char *partner; /* account.open; "" for none */
};

/* The balance after "Opened" and "Added" events given as type and data; -1 for what can not be
 * folded. Starts from *balance. */
bool account_fold(struct str type, struct str data, int64_t *balance);

#endif
