/* SPDX-License-Identifier: Apache-2.0 */
#include "api/log_id.h"

#include "api/api_internal.h"
#include "base/log.h"

#include <string.h>

struct uuid log_id_get(struct api *api)
{
    struct uuid id;

    pthread_mutex_lock(&api->log_id_lock);
    id = api->log_id;
    pthread_mutex_unlock(&api->log_id_lock);
    return id;
}

void log_id_note(struct api *api, struct str id)
{
    struct uuid now;
    bool changed;

    if (!uuid_parse(id, &now))
        return;
    pthread_mutex_lock(&api->log_id_lock);
    changed = memcmp(&api->log_id, &now, sizeof now) != 0;
    api->log_id = now;
    pthread_mutex_unlock(&api->log_id_lock);
    if (changed)
        log_info("serving log", LOG_STR("log_id", id));
}
