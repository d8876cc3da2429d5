-- Events of id $2 in streams of tenant $1, in the stream $3 only unless that is null; $4 of them at
-- most: an id is unique in its stream only. In the index's own order, so that no limit tempts the
-- planner to walk along positions; the limit on one row fixes the plan, as in streams_moved.
select e.position, e.version, e.occurred_at, e.recorded_at, e.id, e.type, s.tenant, s.name, e.data,
       e.metadata, e.correlation_id, e.causation_id, e.request_id, e.traceparent
  from events e
 cross join lateral (select * from streams where id = e.stream_id limit 1) s
 where e.id = $2
   and s.tenant = $1
   and ($3::text is null or s.name = $3)
 order by e.id, e.stream_id
 limit $4::bigint
