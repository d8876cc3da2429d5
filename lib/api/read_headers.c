/* SPDX-License-Identifier: Apache-2.0 */
#include "api/read_headers.h"

#include "base/arena.h"
#include "eventlog/read.h"

void read_headers_set(struct call *call, struct position position, int64_t lag_ms)
{
    call_header(call, "Daybook-Read-Position",
                arena_printf(call->arena, "%lld", (long long)position.n));
    call_header(call, "Daybook-Read-Lag-Ms", arena_printf(call->arena, "%lld", (long long)lag_ms));
}

bool read_headers_log(struct call *call, struct reader *reader, struct error *err)
{
    struct position head;

    if (!log_read_head(reader->conn, &head, err))
        return false;
    read_headers_set(call, head, 0);
    return true;
}
