-- A redrive that did not succeed: open again.
update dead_letters
set state = 'open', attempts = attempts + 1,
    redrives = case when class = $2 and code = $3 and message = $4 then redrives + 1 else 1 end,
    class = $2, code = $3, message = $4, failed_at = clock_timestamp()
where id = $1
