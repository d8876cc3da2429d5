-- BETWEEN instead of = fixes the plan: an equality could be merged on, so PostgreSQL would consider
-- reading the index from end to end, and choose it where statistics say that the table is empty.
update streams s
   set version = q.version, last_position = q.last_position
  from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as q (id, version, last_position)
 where s.id between q.id and q.id
