-- The days of idempotency keys that are lacking, by the database's clock.
select to_char(d, 'YYYYMMDD'), to_char(d, 'YYYY-MM-DD'), to_char(d + interval '1 day', 'YYYY-MM-DD')
  from generate_series(date_trunc('day', now() at time zone 'UTC'),
                       date_trunc('day', now() at time zone 'UTC') + interval '2 days',
                       interval '1 day') as d
 where not exists (
       select from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'idempotency_keys'::regclass
          and c.relname = 'idempotency_keys_' || to_char(d, 'YYYYMMDD'))
 order by d
