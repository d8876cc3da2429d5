update streams s
   set version = q.version, last_position = q.last_position
  from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as q (id, version, last_position)
 where s.id = q.id
