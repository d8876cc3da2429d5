-- Jobs nobody has, the oldest first: the columns of job_load.sql.
select id, kind, projection, arguments, state, done, total, rate, parked, lag, message, holder,
    epoch, false as held, requested_by, requested_at,
    coalesce(started_at, '1970-01-01Z') as started_at,
    coalesce(heartbeat_at, '1970-01-01Z') as heartbeat_at,
    coalesce(finished_at, '1970-01-01Z') as finished_at, cancel_requested_by
from jobs
where state in ('queued', 'running') and expires_at <= clock_timestamp()
order by id
limit $1::bigint
