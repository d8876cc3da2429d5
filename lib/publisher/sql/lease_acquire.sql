-- $1 holder, $2 milliseconds, $3 the highest epoch seen, $4 may take a lease under its own name
update publisher_lease
   set holder = $1,
       epoch = greatest(epoch, $3) + 1,
       expires_at = clock_timestamp() + $2::bigint * interval '1 ms'
 where expires_at <= clock_timestamp()
    or (holder = $1 and $4)
returning epoch
