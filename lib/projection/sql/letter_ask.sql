-- Requests for the letters $5, which are locked: batch $1, kind $2, by $3, reason $4, each after its
-- delay $6 in milliseconds. A redrive shows in its letter at once.
with asked as (
    select q.letter, q.delay_ms from unnest($5::bigint[], $6::bigint[]) as q (letter, delay_ms)
), shown as (
    update dead_letters set state = 'redriving' where $2 = 'redrive' and id = any ($5::bigint[])
)
insert into dead_letter_requests
    (batch, letter, projection, generation, topic, partition, kind, requested_by, reason, not_before)
select $1, l.id, l.projection, l.generation, l.topic, l.partition, $2, $3, $4,
    clock_timestamp() + a.delay_ms * interval '1 millisecond'
from asked a
    join dead_letters l on l.id = a.letter
