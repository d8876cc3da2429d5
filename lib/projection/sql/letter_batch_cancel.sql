with cancelled as (
    update dead_letter_requests set done_at = clock_timestamp(), outcome = 'cancelled'
    where batch = $1 and done_at is null
    returning letter
), reopened as (
    update dead_letters set state = 'open'
    where state = 'redriving' and id in (select letter from cancelled)
)
select count(*) from cancelled
