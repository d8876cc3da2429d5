-- What living processes say of projection $1 as a whole: an instance whose processes all have trouble
-- with it, or are only starting. A heartbeat older than $2 ms is of a dead one.
select instance, state, reason, since
from (
    select p.instance, d.said ->> 'state' as state, d.said ->> 'reason' as reason,
        (d.said ->> 'since')::timestamptz as since,
        bool_and(coalesce((d.said ->> 'whole')::boolean, false)
            and d.said ->> 'state' in ('starting', 'paused', 'blocked'))
            over (partition by p.instance) as in_trouble,
        row_number() over (partition by p.instance order by p.heartbeat_at desc, p.id) as n
    from processes p
        cross join lateral (select p.detail -> 'project' -> 'projections' -> $1::text) as d (said)
    where p.heartbeat_at > clock_timestamp() - $2::bigint * interval '1 ms' and d.said is not null
) s
where in_trouble and n = 1
order by instance
