select q.n, s.id, s.version, s.first_position, s.last_position
  from unnest($1::text[], $2::text[]) with ordinality as q (tenant, name, n)
  join streams s on s.tenant = q.tenant and s.name = q.name
