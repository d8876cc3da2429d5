-- Of the streams a batch knows, those that are not as it knows them; id is null where one is gone.
-- The limit of one row fixes the plan: one look-up by key each, even where statistics taken of an
-- empty table say that reading all of it is cheaper. A cached plan outlives such statistics.
select q.n, s.id, s.version, s.first_position, s.last_position
  from unnest($1::bigint[], $2::bigint[]) with ordinality as q (id, version, n)
  left join lateral (select * from streams where id = q.id limit 1) s on true
 where s.version is distinct from q.version
