-- $1 holder: whose lease it is, and how long it lasts by this server's clock
select holder = $1,
       epoch,
       (extract(epoch from expires_at - clock_timestamp()) * 1000)::bigint
  from publisher_lease
