-- Version and first position of streams by id, as they are now; $1 ids.
select q.n, s.version, s.first_position
  from unnest($1::bigint[]) with ordinality as q (id, n)
 cross join lateral (select * from streams where id = q.id limit 1) s
