select version
from skipped_versions
where projection = $1 and generation = $2 and tenant = $3 and stream = $4 and version >= $5
order by version
