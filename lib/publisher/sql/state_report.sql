-- $1 epoch, $2 holder, $3 state, $4 reason, $5 detail
update publisher_state
   set epoch = $1,
       holder = $2,
       since = case when state = $3 and reason = $4 then since else clock_timestamp() end,
       stops = stops + case when $3::text = 'stopped' and state <> 'stopped' then 1 else 0 end,
       state = $3,
       reason = $4,
       detail = $5,
       updated_at = clock_timestamp()
 where epoch <= $1
