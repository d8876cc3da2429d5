-- What people asked for and is due now, of the partitions ($3, $4).
select r.id, r.letter, r.kind, r.requested_by, r.reason, r.topic, r.partition, l.tenant, l.stream
from unnest($3::text[], $4::integer[]) as q (topic, partition)
    join dead_letter_requests r on r.projection = $1 and r.generation = $2 and r.topic = q.topic
        and r.partition = q.partition and r.done_at is null and r.not_before <= clock_timestamp()
    join dead_letters l on l.id = r.letter
order by r.not_before, r.id
limit $5::bigint
