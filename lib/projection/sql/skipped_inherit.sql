-- The event was discarded in an earlier generation: it is skipped in this one for the same reason.
insert into skipped_versions
    (projection, generation, tenant, stream, version, position, letter, skipped_by, reason)
select projection, $2, tenant, stream, version, position, letter, skipped_by, reason
from skipped_versions
where projection = $1 and generation < $2 and tenant = $3 and stream = $4 and version = $5
order by generation desc
limit 1
on conflict (projection, generation, tenant, stream, version) do nothing
returning version
