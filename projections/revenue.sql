-- SPDX-License-Identifier: Apache-2.0
-- Daily revenue by currency, a day being one of UTC and of when things happened, not of when they
-- were recorded. docs/sql-projections.md explains each line.
--
-- Sales: orders, items and total_minor are what was placed, changed and cancelled on that day. A
-- cancellation takes the order off the day on which it happens, so a day can be negative.
-- Cash: paid_minor less refunded_minor is the money that was kept. A refund is no lesser sale, for
-- an order that was paid and then cancelled is taken off the sales already; a return alone changes
-- neither.
--
-- name: revenue
-- categories: order
-- kind: roll-up

create table {table} (
    tenant text not null,
    day date not null,
    currency text not null,
    orders bigint not null,
    items bigint not null,
    total_minor numeric not null,
    paid_minor numeric not null,
    refunded_minor numeric not null,
    primary key (tenant, day, currency)
);

insert into {table} as t
    (tenant, day, currency, orders, items, total_minor, paid_minor, refunded_minor)
select c.tenant, c.day, c.currency, sum(c.orders), sum(c.items), sum(c.total_minor),
       sum(c.paid_minor), sum(c.refunded_minor)
  from (select e.tenant,
               (e.occurred_at at time zone 'UTC')::date as day,
               e.data ->> 'currency' as currency,
               coalesce((e.data #>> '{change,orders}')::bigint, 0) as orders,
               coalesce((e.data #>> '{change,items}')::bigint, 0) as items,
               coalesce((e.data #>> '{change,total_minor}')::bigint, 0) as total_minor,
               case e.type when 'OrderPaid' then (e.data ->> 'amount_minor')::bigint else 0
               end as paid_minor,
               case e.type when 'OrderRefunded' then (e.data ->> 'amount_minor')::bigint else 0
               end as refunded_minor
          from {events} e) c
 where (c.orders, c.items, c.total_minor, c.paid_minor, c.refunded_minor) <> (0, 0, 0, 0, 0)
 group by c.tenant, c.day, c.currency
    on conflict (tenant, day, currency) do update
   set orders = t.orders + excluded.orders,
       items = t.items + excluded.items,
       total_minor = t.total_minor + excluded.total_minor,
       paid_minor = t.paid_minor + excluded.paid_minor,
       refunded_minor = t.refunded_minor + excluded.refunded_minor;
