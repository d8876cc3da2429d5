-- The event a parked key waits for becomes a letter. One open letter a stream: what is left of an
-- earlier one (its key was taken away by hand) is about this event now.
with new as (
    insert into dead_letters
        (projection, generation, topic, partition, kafka_offset, kind, tenant, stream, version,
         position, event_id, event_type, class, code, message, attempts, parked_at)
    select projection, generation, topic, partition, kafka_offset, 'event', tenant, stream, version,
        position, event_id, event_type, class, code, message, attempts, failed_at
    from parked_keys
    where projection = $1 and generation = $2 and tenant = $3 and stream = $4
    on conflict (projection, generation, tenant, stream)
        where kind = 'event' and state in ('open', 'redriving')
        do update set state = 'open', kafka_offset = excluded.kafka_offset,
            version = excluded.version, position = excluded.position, event_id = excluded.event_id,
            event_type = excluded.event_type, class = excluded.class, code = excluded.code,
            message = excluded.message, attempts = excluded.attempts, redrives = 0,
            parked_at = excluded.parked_at, failed_at = clock_timestamp(), announced_at = null
    returning id
)
update parked_keys
set letter = new.id
from new
where projection = $1 and generation = $2 and tenant = $3 and stream = $4
returning new.id
