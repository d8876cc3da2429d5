-- A slice of the streams $3 of $4 (by number, of which one process has 1024 in a row), of categories $5, after $1 up to $2; $6 limit, $7
-- bytes. As log_read.sql, but the filter comes before the look at the stream where it can.
select w.* from (
       select sum(pg_column_size(e.data) + coalesce(pg_column_size(e.metadata), 0))
                  over (order by e.position rows unbounded preceding) as bytes,
              e.*
         from (select e.position, e.version, e.occurred_at, e.recorded_at, e.id, e.type,
                      s.tenant, s.name as stream, e.data, e.metadata, e.correlation_id,
                      e.causation_id, e.request_id, e.traceparent
                 from events e
                cross join lateral (
                      select * from streams where id = e.stream_id limit 1) s
                where e.position > $1::bigint and e.position <= $2::bigint
                  and (e.stream_id + e.stream_id / 1024) % $4::bigint = $3::bigint
                  and s.category = any ($5::text[])
                order by e.position
                limit $6::bigint) e) w
 where w.bytes - pg_column_size(w.data) < $7::bigint
