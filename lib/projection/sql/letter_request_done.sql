update dead_letter_requests
set done_at = clock_timestamp(), outcome = $2, detail = $3
where id = $1
