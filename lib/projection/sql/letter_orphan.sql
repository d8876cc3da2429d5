-- A letter whose stream is not parked by it: nothing waits for it any more.
update dead_letters l
set state = 'resolved', closed_at = clock_timestamp(), closed_by = $2,
    reason = 'nothing waited for it'
where l.id = $1 and l.state in ('open', 'redriving')
