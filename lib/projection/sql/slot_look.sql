select number, instance, host, process, token::text,
    expires_at <= clock_timestamp() as expired,
    (extract(epoch from clock_timestamp() - renewed_at) * 1000)::bigint as silent_ms
from projector_slots
where consumer_group = $1
order by number
