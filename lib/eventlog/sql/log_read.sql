-- A slice of the log with the head of the same snapshot: one row without an event when there is
-- none. $1 after, $2 up to, $3 positions looked at, $4 limit, $5 bytes; then the filter.
-- The limit on one row keeps the planner from joining the slice to all streams by merge or hash.
-- The rows come in the order of the innermost query; the reader checks it.
-- The running sum is of sizes as stored, which costs no detoasting: our partitions compress nothing.
select h.position as head, h.up_to, e.*
  from (select position, least(position, $2::bigint, $1::bigint + $3::bigint) as up_to
          from log_head where only_one) h
  left join lateral (
       select * from (
              select sum(pg_column_size(e.data) + coalesce(pg_column_size(e.metadata), 0))
                         over (order by e.position rows unbounded preceding) as bytes,
                     e.*
                from (select e.position, e.version, e.occurred_at, e.recorded_at, e.id, e.type,
                             s.tenant, s.name as stream, e.data, e.metadata, e.correlation_id,
                             e.causation_id, e.request_id, e.traceparent
                        from events e
                       cross join lateral (
                             select * from streams where id = e.stream_id limit 1) s
                       where e.position > $1::bigint and e.position <= h.up_to
                         and ($6::text is null or s.tenant = $6)
                         and ($7::text is null or s.category = $7)
                         and ($8::text is null or e.type = $8)
                         and ($9::text is null or e.correlation_id = $9)
                       order by e.position
                       limit $4::bigint) e) w
        where w.bytes - pg_column_size(w.data) < $5::bigint) e on true
