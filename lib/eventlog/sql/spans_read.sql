-- Events of several streams, by span and version: $1 stream ids, $2 after and $3 up to a version,
-- $4 the positions of their first events; at most $5 of them. Positions prune the partitions.
select q.n, e.position, e.version, e.occurred_at, e.recorded_at, e.id, e.type, s.tenant,
       s.name as stream, e.data, e.metadata, e.correlation_id, e.causation_id, e.request_id,
       e.traceparent
  from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
       with ordinality as q (stream_id, after, up_to, first, n)
 cross join lateral (select * from streams where id = q.stream_id limit 1) s
 cross join lateral (
       select *
         from events e
        where e.stream_id = q.stream_id and e.version > q.after and e.version <= q.up_to
          and e.position >= q.first
        order by e.version) e
 limit $5::bigint
