-- Jobs before $1, the newest first: one by its number ($2 = 1, $1 = id + 1), or a page of them.
select id, kind, projection, arguments, state, done, total, rate, parked, lag, message, holder,
    epoch, expires_at > clock_timestamp() as held, requested_by, requested_at,
    coalesce(started_at, '1970-01-01Z') as started_at,
    coalesce(heartbeat_at, '1970-01-01Z') as heartbeat_at,
    coalesce(finished_at, '1970-01-01Z') as finished_at, cancel_requested_by
from jobs
where id < $1::bigint
order by id desc
limit $2::bigint
