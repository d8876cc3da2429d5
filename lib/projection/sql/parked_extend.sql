-- More events queue behind these keys. One look-up by key each, as in the table's own load.
update parked_keys k
set last_version = greatest(k.last_version, q.last_version)
from unnest($3::text[], $4::text[], $5::bigint[]) as q (tenant, stream, last_version)
where k.projection = $1 and k.generation = $2 and k.tenant = q.tenant and k.stream = q.stream
