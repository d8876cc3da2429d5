-- Whoever holds the job, or takes it next, ends it.
update jobs
set cancel_requested_by = coalesce(cancel_requested_by, $2)
where id = $1 and state in ('queued', 'running')
