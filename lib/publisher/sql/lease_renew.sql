-- $1 holder, $2 milliseconds (0: give it back), $3 epoch
update publisher_lease
   set expires_at = clock_timestamp() + $2::bigint * interval '1 ms'
 where holder = $1
   and epoch = $3
