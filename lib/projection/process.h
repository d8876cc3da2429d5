/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names a process for ever: boot, pid namespace, pid and start; and says whether a named one lives,
 * as far as this process can see.
 *
 * Threads: any.
 */
#ifndef DAYBOOK_PROJECTION_PROCESS_H
#define DAYBOOK_PROJECTION_PROCESS_H
#include "base/str.h"

enum { PROCESS_NAME_MAX = 255, PROCESS_HOST_MAX = 127 };

/* "<boot id> <pid namespace> <pid> <start>" */
void process_name_self(char out[PROCESS_NAME_MAX + 1]);
void process_host(char out[PROCESS_HOST_MAX + 1]);

enum process_life {
    PROCESS_LIVES,
    PROCESS_DEAD,
    PROCESS_ELSEWHERE, /* another boot or pid namespace: can not be seen from here */
};

enum process_life process_look(struct str name);

#endif
