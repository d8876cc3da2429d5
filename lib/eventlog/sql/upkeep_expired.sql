-- Days of idempotency keys whose time is over, and how far their removal has come: a crash, or a
-- reader in the way, may have left one half detached, or detached and not dropped.
select c.relname, i.inhrelid is not null as attached, coalesce(i.inhdetachpending, false) as pending
  from pg_class p
  join pg_class c on c.relnamespace = p.relnamespace and c.relkind = 'r'
   and c.relname ~ '^idempotency_keys_\d{8}$'
  left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = p.oid
 where p.oid = 'idempotency_keys'::regclass
   and to_date(right(c.relname, 8), 'YYYYMMDD') < (now() at time zone 'UTC')::date - $1::integer
 order by c.relname
