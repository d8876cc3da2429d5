select e.position, e.version, e.occurred_at, e.recorded_at, e.id, e.type, s.tenant, s.name, e.data,
       e.metadata, e.correlation_id, e.causation_id, e.request_id, e.traceparent
  from events e
  join streams s on s.id = e.stream_id
 where e.position = $1
