-- Whether generation $2 of projection $1 does not apply version $5 of stream $4 of tenant $3, on
-- purpose.
select exists (select from parked_keys
                where projection = $1 and generation = $2 and tenant = $3 and stream = $4
                  and version <= $5::bigint)
    or exists (select from skipped_versions
                where projection = $1 and generation = $2 and tenant = $3 and stream = $4
                  and version = $5::bigint) as held
