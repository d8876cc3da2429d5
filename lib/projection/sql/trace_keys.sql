-- What became of version $3 of stream $2 of tenant $1 in the live generations of the projections $4,
-- one row for each of them that has a table: its checkpoint in partition $6 of topic $5, the
-- parked key of its stream, and whether the version was discarded.
select p.name, p.generation, coalesce(c.position, 0) as checkpoint, coalesce(k.version, 0) as parked,
       coalesce(k.state, '') as state, coalesce(k.attempts, 0) as attempts,
       coalesce(k.message, '') as message, coalesce(k.kafka_offset, -1) as kafka_offset,
       coalesce(k.letter, 0) as letter, s.version is not null as skipped
  from projections p
  left join checkpoints c on c.projection = p.name and c.generation = p.generation
       and c.topic = $5 and c.partition = $6::integer
  left join parked_keys k on k.projection = p.name and k.generation = p.generation
       and k.tenant = $1 and k.stream = $2
  left join skipped_versions s on s.projection = p.name and s.generation = p.generation
       and s.tenant = $1 and s.stream = $2 and s.version = $3::bigint
 where p.name = any ($4::text[])
 order by p.name
