insert into skipped_versions
    (projection, generation, tenant, stream, version, position, letter, skipped_by, reason)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (projection, generation, tenant, stream, version) do nothing
