-- the oldest request that was not carried out
select r.id,
       r.kind,
       coalesce(r.stop = s.stops, false),
       coalesce(r.position, 0),
       coalesce(r.prefix, '')
  from publisher_state s
  join publisher_requests r on r.id > s.handled
 order by r.id
 limit 1
