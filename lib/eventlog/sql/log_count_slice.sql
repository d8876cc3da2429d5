-- How many events after $1 up to $2 fit: tenant $3, category $4, type $5, recorded from $6 before $7.
select count(*)
from events e
    cross join lateral (select * from streams where id = e.stream_id limit 1) s
where e.position > $1::bigint and e.position <= $2::bigint
    and ($3::text is null or s.tenant = $3)
    and ($4::text is null or s.category = $4)
    and ($5::text is null or e.type = $5)
    and ($6::timestamptz is null or e.recorded_at >= $6)
    and ($7::timestamptz is null or e.recorded_at < $7)
