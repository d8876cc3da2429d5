-- The last event of type $3 and category $4 in the $2 positions before $1 that projection $5 in
-- generation $6 has applied: not of a parked key from its version on, and not skipped.
select e.position
from events e
    cross join lateral (select * from streams where id = e.stream_id limit 1) s
where e.position < $1 and e.position >= $1 - $2::bigint and e.type = $3 and s.category = $4
    and not exists (
        select from parked_keys k
        where k.projection = $5 and k.generation = $6 and k.tenant = s.tenant and k.stream = s.name
            and k.version <= e.version)
    and not exists (
        select from skipped_versions v
        where v.projection = $5 and v.generation = $6 and v.tenant = s.tenant and v.stream = s.name
            and v.version = e.version)
order by e.position desc
limit 1
