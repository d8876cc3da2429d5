-- Only where the log holds the very event the snapshot was taken at: what was taken before a failover may be of events
-- that are lost. An older one does not replace a newer one, unless that is ahead of its stream.
insert into snapshots as s (stream_id, version, schema, position, recorded_at, hash, state)
select q.*
  from unnest($1::bigint[], $2::bigint[], $3::integer[], $4::bigint[], $5::timestamptz[], $6::bigint[], $7::bytea[])
       as q (stream_id, version, schema, position, recorded_at, hash, state)
 cross join lateral (
       select from events e
        where e.position = q.position and e.stream_id = q.stream_id and e.version = q.version
          and e.recorded_at = q.recorded_at
        limit 1) e
    on conflict (stream_id) do update
   set version = excluded.version, schema = excluded.schema, position = excluded.position,
       recorded_at = excluded.recorded_at, hash = excluded.hash, state = excluded.state, made_at = clock_timestamp()
 where excluded.version >= s.version or s.version > (select version from streams where id = s.stream_id)
