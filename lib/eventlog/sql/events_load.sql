-- What streams have behind a version, each in order of version. Positions prune the partitions.
-- Where a schema is given, a stream's snapshot comes first if it is usable, and then the events behind it: one
-- statement, so that both are of one moment. Not usable is one above the stream, or one whose event is another in this
-- log. The rows come in the order of the innermost queries; the reader checks it. $7 rows, $8 bytes.
select w.*
  from (
       select r.*, sum(pg_column_size(r.data)) over (rows unbounded preceding) as bytes
         from (
              select q.n, l.*
                from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::integer[])
                     with ordinality as q (stream_id, after, up_to, first, last, schema, n)
                left join lateral (
                     select s.version, s.position, s.recorded_at, s.hash, s.state
                       from snapshots s
                      where q.schema > 0 and s.stream_id = q.stream_id and s.schema = q.schema
                        and s.version > q.after and s.version <= q.up_to
                        and coalesce((
                            select e.stream_id = s.stream_id and e.version = s.version
                                   and e.recorded_at = s.recorded_at
                              from events e
                             where e.position = s.position), true)
                      limit 1) s on true
               cross join lateral (
                     select s.version, s.recorded_at, null::timestamptz as occurred_at, null as id, null as type,
                            null::json as data, s.position, s.hash, s.state
                      where s.version is not null
                      union all
                     (select e.version, e.recorded_at, e.occurred_at, e.id, e.type, e.data, null, null, null
                        from events e
                       where e.stream_id = q.stream_id and e.version > coalesce(s.version, q.after)
                         and e.version <= q.up_to and e.position between coalesce(s.position + 1, q.first) and q.last
                       order by e.version)) l
               limit $7::bigint) r) w
 where w.data is null or w.bytes - pg_column_size(w.data) < $8::bigint
