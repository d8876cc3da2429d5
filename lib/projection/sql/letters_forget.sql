-- Closed letters are kept for $1 days; the oldest first, so that a round looks at few rows.
delete from dead_letters
where id in (
    select id from dead_letters
    where state in ('resolved', 'discarded') and closed_at < clock_timestamp() - $1::integer * interval '1 day'
        and (kind = 'record' or announced_at is not null)
    order by id
    limit 1000)
