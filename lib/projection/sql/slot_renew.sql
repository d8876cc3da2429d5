update projector_slots
set renewed_at = clock_timestamp(),
    expires_at = clock_timestamp() + $4::bigint * interval '1 millisecond'
where consumer_group = $1 and number = $2 and token = $3::text::uuid
