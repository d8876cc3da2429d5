-- How far the requests of batch $1 are.
select count(*), count(done_at), count(*) filter (where outcome = 'resolved'),
    count(*) filter (where outcome = 'discarded'), count(*) filter (where outcome = 'failed'),
    count(*) filter (where outcome = 'gone'), count(*) filter (where outcome = 'cancelled')
from dead_letter_requests
where batch = $1
