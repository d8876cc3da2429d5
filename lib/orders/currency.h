/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Currency codes (ISO 4217, list one of 2024-06-25, without funds and metals).
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_ORDERS_CURRENCY_H
#define DAYBOOK_ORDERS_CURRENCY_H
#include <stdbool.h>

#include "base/str.h"

bool currency_is_known(struct str code);

/* How many digits of a minor unit stand behind the point: 2 of EUR, 0 of JPY, 3 of KWD. */
int currency_minor_digits(struct str code);

#endif
