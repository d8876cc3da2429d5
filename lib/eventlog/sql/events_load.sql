-- What streams have behind a version, each in order of version. Positions prune the partitions.
select q.n, e.version, e.occurred_at, e.id, e.type, e.data
  from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
       with ordinality as q (stream_id, after, up_to, first, last, n)
 cross join lateral (
       select e.version, e.occurred_at, e.id, e.type, e.data
         from events e
        where e.stream_id = q.stream_id and e.version > q.after and e.version <= q.up_to
          and e.position between q.first and q.last
        order by e.version) e
 limit $6::bigint
