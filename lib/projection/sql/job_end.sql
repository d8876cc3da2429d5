update jobs
set state = $4, expires_at = clock_timestamp(), heartbeat_at = clock_timestamp(),
    finished_at = clock_timestamp(), done = $5, total = $6, rate = 0, parked = $7, lag = $8,
    message = $9
where id = $1 and holder = $2 and epoch = $3 and state = 'running'
