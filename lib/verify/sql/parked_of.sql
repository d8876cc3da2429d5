-- Of the streams $3 tenants, $4 names: those that generation $2 of projection $1 has parked.
select q.n, p.version, p.position, p.state, p.message
  from unnest($3::text[], $4::text[]) with ordinality as q (tenant, stream, n)
  join parked_keys p on p.projection = $1 and p.generation = $2 and p.tenant = q.tenant
                    and p.stream = q.stream
