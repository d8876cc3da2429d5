-- The streams of the events at positions $1 to $2, each with the last of them. The limit on one row
-- keeps the planner from joining the slice to all streams by merge or hash.
select s.category, s.tenant, s.name, max(e.position) as last, max(e.version) as version
from events e
    cross join lateral (select * from streams where id = e.stream_id limit 1) s
where e.position between $1::bigint and $2::bigint
group by s.category, s.tenant, s.name
