select s.state,
       s.reason,
       s.detail,
       l.holder,
       l.expires_at > clock_timestamp(),
       l.epoch,
       s.since,
       s.updated_at,
       s.paused,
       coalesce(c.position, 0),
       h.position,
       coalesce((extract(epoch from clock_timestamp() - e.recorded_at) * 1000)::bigint, 0)
  from publisher_state s
 cross join publisher_lease l
 cross join log_head h
 cross join log_info i
  left join publisher_cursor c on c.log_id = i.id
  left join events e on e.position = coalesce(c.position, 0) + 1
