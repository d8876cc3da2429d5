-- The holder's word on job $1: the lease holds on for $4 ms (0: it is given back).
update jobs
set expires_at = clock_timestamp() + $4::bigint * interval '1 ms', heartbeat_at = clock_timestamp(),
    done = $5, total = $6, rate = $7, parked = $8, lag = $9, message = $10
where id = $1 and holder = $2 and epoch = $3 and state = 'running'
returning cancel_requested_by is not null
