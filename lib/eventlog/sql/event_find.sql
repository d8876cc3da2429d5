-- The limit fixes the plan, as in streams_moved.
select e.position, e.version, e.occurred_at, e.recorded_at, e.id, e.type, s.tenant, s.name, e.data,
       e.metadata, e.correlation_id, e.causation_id, e.request_id, e.traceparent
  from events e
 cross join lateral (select * from streams where id = e.stream_id limit 1) s
 where e.position = $1
