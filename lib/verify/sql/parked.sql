-- What generation $2 of projection $1 has not applied though its checkpoints have passed it: parked
-- streams from a version on, and versions that were discarded.
select tenant, stream, version, false as skipped
  from parked_keys
 where projection = $1 and generation = $2
union all
select tenant, stream, version, true
  from skipped_versions
 where projection = $1 and generation = $2
