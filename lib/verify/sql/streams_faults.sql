-- $3 streams after ($1 tenant, $2 name): whether the last event that each speaks of is there.
select s.tenant, s.name, s.version, s.last_position,
       exists (select from events e
                where e.position = s.last_position and e.stream_id = s.id
                  and e.version = s.version) as whole
  from streams s
 where (s.tenant, s.name) > ($1, $2)
 order by s.tenant, s.name
 limit $3::bigint
