-- The days of idempotency keys that are lacking: from today by the database's clock, and from the
-- log's day, which is ahead of it after a clock was put back (recorded_at never runs backwards).
select to_char(d, 'YYYYMMDD'), to_char(d, 'YYYY-MM-DD'), to_char(d + interval '1 day', 'YYYY-MM-DD')
  from (select distinct date_trunc('day', t at time zone 'UTC') + n * interval '1 day' as d
          from (select now() union all select greatest(now(), recorded_at) from log_head) as clocks (t)
         cross join generate_series(0, 2) as n) as days
 where not exists (
       select from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'idempotency_keys'::regclass
          and c.relname = 'idempotency_keys_' || to_char(d, 'YYYYMMDD'))
 order by d
