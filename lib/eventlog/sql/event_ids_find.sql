-- Which events of a client's choice a stream has. The stream's positions prune the partitions; the
-- limits fix the plan, as in streams_moved.
select q.n, e.version, e.position
  from unnest($1::bigint[], $2::text[]) with ordinality as q (stream_id, id, n)
 cross join lateral (select * from streams where id = q.stream_id limit 1) s
 cross join lateral (
       select version, position
         from events
        where id = q.id and stream_id = q.stream_id
          and position between s.first_position and s.last_position
        limit 1) e
