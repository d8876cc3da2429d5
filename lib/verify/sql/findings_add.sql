insert into verify_findings
    (job, number, kind, part, name, partition, tenant, key, position, version, text)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
