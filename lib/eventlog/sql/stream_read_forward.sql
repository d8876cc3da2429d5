-- A slice of a stream from a version on, with the stream of the same snapshot: one row without an
-- event when there is none. In the order of the innermost query; the reader checks it. $3 from, $4 type, $5 limit, $6 bytes.
-- `all (array[..])` prunes partitions as a comparison does, but is no condition for their index by position: that one
-- would be read over all that was appended meanwhile, 27 ms for one event of a stream that 150,000 others lie between.
select s.id, s.version, s.first_position, s.last_position, e.*
  from streams s
  left join lateral (
       select * from (
              select sum(pg_column_size(e.data) + coalesce(pg_column_size(e.metadata), 0))
                         over (order by e.version rows unbounded preceding) as bytes,
                     e.*
                from (select e.position, e.version, e.occurred_at, e.recorded_at, e.id, e.type,
                             s.tenant, s.name as stream, e.data, e.metadata, e.correlation_id,
                             e.causation_id, e.request_id, e.traceparent
                        from events e
                       where e.stream_id = s.id
                         and e.position >= all (array[s.first_position])
                         and e.position <= all (array[s.last_position])
                         and e.version >= $3::bigint
                         and ($4::text is null or e.type = $4)
                       order by e.version
                       limit $5::bigint) e) w
        where w.bytes - pg_column_size(w.data) < $6::bigint) e on true
 where s.tenant = $1 and s.name = $2
