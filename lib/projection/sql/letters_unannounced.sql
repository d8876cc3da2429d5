-- Letters of a partition that nobody has been told of, once their generation is live.
select l.id, l.tenant, l.stream, l.version, l.position, l.event_id, l.event_type, l.kafka_offset,
    l.attempts, l.class, l.code, l.message, l.parked_at, l.failed_at
from dead_letters l
where l.projection = $1 and l.generation = $2 and l.topic = $3 and l.partition = $4
    and l.kind = 'event' and l.announced_at is null
    and $2 = (select p.generation from projections p where p.name = $1)
order by l.id
limit $5::bigint
