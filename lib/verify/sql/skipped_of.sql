-- Of the streams $3 tenants, $4 names: the versions that generation $2 of projection $1 leaves out.
select q.n, s.version
  from unnest($3::text[], $4::text[]) with ordinality as q (tenant, stream, n)
  join skipped_versions s on s.projection = $1 and s.generation = $2 and s.tenant = q.tenant
                         and s.stream = q.stream
 order by q.n, s.version
