-- Streams after ($1 tenant, $2 name), by name, $3 of them.
select id, tenant, name, category
  from streams
 where (tenant, name) > ($1, $2)
 order by tenant, name
 limit $3::bigint
