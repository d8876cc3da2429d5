-- The parked keys of a partition, with times from now on.
select tenant, stream, state, version, last_version, position, kafka_offset, attempts,
    coalesce(letter, 0),
    coalesce((extract(epoch from next_attempt_at - clock_timestamp()) * 1000)::bigint, 0) as due_ms,
    (extract(epoch from clock_timestamp() - failed_at) * 1000)::bigint as failed_ms_ago
from parked_keys
where projection = $1 and generation = $2 and topic = $3 and partition = $4
limit $5::bigint
