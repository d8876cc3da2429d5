-- The first of the streams $3, $4, of which a write's last event has the version $5, that is parked in
-- generation $2 of projection $1 at or before that version.
select k.stream, k.version, k.state
from unnest($3::text[], $4::text[], $5::bigint[]) as w (tenant, stream, version)
    join parked_keys k on k.projection = $1 and k.generation = $2
        and k.tenant = w.tenant and k.stream = w.stream
where w.version >= k.version
order by k.stream
limit 1
