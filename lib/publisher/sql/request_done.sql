-- $1 epoch, $2 request, $3 outcome, $4 paused from now on, $5 the stop is over
with done as (
    update publisher_requests set done_at = clock_timestamp(), outcome = $3 where id = $2
)
update publisher_state
   set handled = $2,
       paused = $4,
       state = case when $5 then 'starting' else state end,
       reason = case when $5 then '' else reason end,
       detail = case when $5 then '' else detail end,
       updated_at = clock_timestamp()
 where epoch <= $1
