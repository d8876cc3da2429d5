-- Ranges of positions above $1 and up to $2 that the log has not: first and last of each.
select g.before + 1 as first, g.position - 1 as last
  from (select e.position, lag(e.position, 1, $1::bigint) over (order by e.position) as before
          from (select position from events where position > $1::bigint and position <= $2::bigint
                union all
                select $2::bigint + 1) e) g
 where g.position > g.before + 1
 order by first
