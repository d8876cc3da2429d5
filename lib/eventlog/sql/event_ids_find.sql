-- Which events of a client's choice a stream has. The stream's positions prune the partitions.
select q.n, e.version, e.position
  from unnest($1::bigint[], $2::text[]) with ordinality as q (stream_id, id, n)
  join streams s on s.id = q.stream_id
 cross join lateral (
       select e.version, e.position
         from events e
        where e.id = q.id and e.stream_id = q.stream_id
          and e.position between s.first_position and s.last_position) e
