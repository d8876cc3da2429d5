-- The event a parked key waits for becomes a letter.
with new as (
    insert into dead_letters
        (projection, generation, topic, partition, kafka_offset, kind, tenant, stream, version,
         position, event_id, event_type, class, code, message, attempts, parked_at)
    select projection, generation, topic, partition, kafka_offset, 'event', tenant, stream, version,
        position, event_id, event_type, class, code, message, attempts, failed_at
    from parked_keys
    where projection = $1 and generation = $2 and tenant = $3 and stream = $4
    returning id
)
update parked_keys
set letter = new.id
from new
where projection = $1 and generation = $2 and tenant = $3 and stream = $4
returning new.id
