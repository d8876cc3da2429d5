-- Keys that are parked now; $16: milliseconds to the next attempt.
insert into parked_keys
    (projection, generation, topic, partition, tenant, stream, state, version, last_version,
     position, kafka_offset, event_id, event_type, attempts, class, code, message, next_attempt_at)
select $1, $2, q.topic, q.partition, q.tenant, q.stream, 'retrying', q.version, q.last_version,
    q.position, q.kafka_offset, q.event_id, q.event_type, 1, q.class, q.code, q.message,
    clock_timestamp() + q.delay_ms * interval '1 millisecond'
from unnest($3::text[], $4::integer[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
    $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
    $16::bigint[])
    as q (topic, partition, tenant, stream, version, last_version, position, kafka_offset, event_id,
          event_type, class, code, message, delay_ms)
