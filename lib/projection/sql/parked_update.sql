-- A key after a transaction about it. Null: as it was. $13: milliseconds to the next attempt, $17:
-- since `version` first failed.
update parked_keys
set state = $5, version = $6, last_version = greatest(last_version, $7), position = $8,
    kafka_offset = $9, event_id = coalesce($10, event_id), event_type = coalesce($11, event_type),
    attempts = $12,
    next_attempt_at = case when $5 = 'retrying'
        then clock_timestamp() + $13::bigint * interval '1 millisecond' end,
    class = coalesce($14, class), code = coalesce($15, code), message = coalesce($16, message),
    failed_at = clock_timestamp() - $17::bigint * interval '1 millisecond',
    letter = case when $5 = 'dead' then letter end
where projection = $1 and generation = $2 and tenant = $3 and stream = $4
