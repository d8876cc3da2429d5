/* SPDX-License-Identifier: Apache-2.0 */
#include "orders/demand.h"

#include "base/arena.h"
#include "orders/refusal.h"

#include <assert.h>

void demand_init(struct demand *demand, struct decision *d, size_t lines_max)
{
    *demand = (struct demand){.d = d,
                              .skus = ARENA_ARRAY(decision_arena(d), struct demand_of, lines_max)};
}

void demand_add(struct demand *demand, struct str sku, int64_t quantity)
{
    size_t stream = decision_stream(demand->d, "stock", sku);

    for (size_t i = 0; i < demand->count; i++)
        if (demand->skus[i].stream == stream) {
            demand->skus[i].quantity += quantity;
            return;
        }
    demand->skus[demand->count++] =
        (struct demand_of){.stream = stream, .sku = sku, .quantity = quantity};
}

bool demand_is_available(const struct demand *demand)
{
    struct shortage *shortages =
        ARENA_ARRAY(decision_arena(demand->d), struct shortage, demand->count);
    size_t count = 0;

    for (size_t i = 0; i < demand->count; i++) {
        const struct demand_of *of = &demand->skus[i];
        int64_t available = stock_available(decision_state(demand->d, of->stream));

        if (of->quantity > available)
            shortages[count++] = (struct shortage){
                .sku = of->sku, .requested = of->quantity, .available = available};
    }
    if (count > 0)
        refuse_shortages(demand->d, shortages, count);
    return count == 0;
}

void demand_emit(const struct demand *demand, enum stock_event_kind kind)
{
    for (size_t i = 0; i < demand->count; i++) {
        assert(demand->skus[i].quantity > 0);
        stock_emit(demand->d, demand->skus[i].stream, kind, demand->skus[i].quantity,
                   decision_id(demand->d));
    }
}
