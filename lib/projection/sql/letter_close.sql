update dead_letters
set state = $2, closed_at = clock_timestamp(), closed_by = $3, reason = $4
where id = $1 and state in ('open', 'redriving')
