-- Those of job $1 with a number above $2, $3 of them.
select number, kind, part, name, partition, tenant, key, position, version, text
  from verify_findings
 where job = $1 and number > $2
 order by number
 limit $3::bigint
