/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which log this process serves. An operator who accepts a log that went back gives it a new id
 * while processes run; whoever reads it from the database says so here.
 *
 * Threads: any.
 */
#ifndef DAYBOOK_API_LOG_ID_H
#define DAYBOOK_API_LOG_ID_H
#include "base/str.h"
#include "base/uuid.h"

struct api;

struct uuid log_id_get(struct api *api);
void log_id_note(struct api *api, struct str id); /* as the database has it now */

#endif
