-- All that ended but the last $1.
delete from jobs
where id <= (select id from jobs where state not in ('queued', 'running')
              order by id desc offset $1::bigint limit 1)
    and state not in ('queued', 'running')
