/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells systemd (Type=notify) how the service is: one datagram to $NOTIFY_SOCKET, sd_notify(3).
 *
 * Threads: main.
 */
#ifndef DAYBOOK_CMD_DAYBOOKD_NOTIFY_H
#define DAYBOOK_CMD_DAYBOOKD_NOTIFY_H

/* "READY=1", "STOPPING=1". Nothing without a manager that listens. */
void notify_manager(const char *state);

#endif
