-- The limit fixes the plan, as in streams_moved.
select q.n, s.id, s.version, s.first_position, s.last_position
  from unnest($1::text[], $2::text[]) with ordinality as q (tenant, name, n)
 cross join lateral (
       select * from streams where tenant = q.tenant and name = q.name limit 1) s
