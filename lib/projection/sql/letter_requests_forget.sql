-- The same for what was asked of them.
delete from dead_letter_requests
where id in (
    select id from dead_letter_requests
    where done_at < clock_timestamp() - $1::integer * interval '1 day'
    order by id
    limit 1000)
