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

#endif
