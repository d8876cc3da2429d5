-- Takes job $1 as it was seen, with epoch $2, for $4 ms.
update jobs
set holder = $3, epoch = epoch + 1, state = 'running',
    expires_at = clock_timestamp() + $4::bigint * interval '1 ms',
    started_at = coalesce(started_at, clock_timestamp()), heartbeat_at = clock_timestamp()
where id = $1 and epoch = $2 and state in ('queued', 'running') and expires_at <= clock_timestamp()
returning epoch
