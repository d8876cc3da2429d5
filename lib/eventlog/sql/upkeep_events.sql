-- How far partitions of events reach, how many positions each has, and where the log is. A log
-- keeps the size it began with.
select coalesce(max(b.last_to), 1), coalesce((array_agg(b.last_to - b.first order by b.first))[1], 0),
       (select position from log_head)
  from pg_inherits i
  join pg_class c on c.oid = i.inhrelid
 cross join lateral (
       select m[1]::bigint as first, m[2]::bigint as last_to
         from regexp_match(pg_get_expr(c.relpartbound, c.oid),
                           'FROM \(''(\d+)''\) TO \(''(\d+)''\)') as m) b
 where i.inhparent = 'events'::regclass
