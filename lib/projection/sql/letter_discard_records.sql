-- Records that are not ours, $4, are discarded at once: batch $1, by $2, reason $3.
with closed as (
    update dead_letters
    set state = 'discarded', closed_at = clock_timestamp(), closed_by = $2, reason = $3
    where id = any ($4::bigint[]) and kind = 'record'
    returning id, projection, generation, topic, partition
)
insert into dead_letter_requests
    (batch, letter, projection, generation, topic, partition, kind, requested_by, reason, done_at,
     outcome)
select $1, id, projection, generation, topic, partition, 'discard', $2, $3, clock_timestamp(),
    'discarded'
from closed
