-- The first stream that is parked in generation $2 of projection $1 with an event at positions $3 to
-- $4 that was not applied.
select k.stream, k.version, k.state
from parked_keys k
where k.projection = $1 and k.generation = $2
    and exists (
        select from streams s
            join events e on e.stream_id = s.id
        where s.tenant = k.tenant and s.name = k.stream
            and e.position between $3::bigint and $4::bigint and e.version >= k.version)
order by k.stream
limit 1
