-- Events above position $1 and up to $2 that break an order of the log: versions of a stream without
-- gaps, recorded_at that never runs backwards, a stream row that knows its first and last event.
with slice as materialized (
    select e.position, e.stream_id, e.version, e.recorded_at,
           lag(e.version) over (partition by e.stream_id order by e.position) as version_before,
           lag(e.recorded_at) over (order by e.position) as recorded_before
      from events e
     where e.position > $1::bigint and e.position <= $2::bigint
)
select e.position, e.version, coalesce(s.tenant, '') as tenant, coalesce(s.name, '') as stream,
       f.fault
  from slice e
  left join lateral (select * from streams where id = e.stream_id limit 1) s on true
 cross join lateral (
       select case
              when s.id is null then 'belongs to no stream'
              when e.recorded_at < e.recorded_before then 'was recorded before its predecessor'
              when e.version_before is not null and e.version <> e.version_before + 1
              then 'does not follow its stream''s version before'
              when e.version_before is null and e.version = 1 and e.position <> s.first_position
              then 'is not where its stream says that it begins'
              when e.version_before is null and e.version > 1 and not exists (
                   select from events p
                    where p.stream_id = e.stream_id and p.version = e.version - 1
                      and p.position between s.first_position and e.position - 1)
              then 'has no event of the version before it'
              when e.version > s.version or e.position > s.last_position
              then 'is behind the end that its stream has'
              end as fault) f
 where f.fault is not null
 order by e.position
