-- The first statement of a batch: moves the checkpoints whose epoch is still ours, and says which.
-- Locks them in the order of their key, as whoever locks several does.
update checkpoints c
set position = k.position, kafka_offset = k.kafka_offset, updated_at = clock_timestamp()
from (select * from unnest($3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[])
        with ordinality as k (topic, partition, epoch, position, kafka_offset, number)
       order by topic collate "C", partition) k
where c.projection = $1 and c.generation = $2
    and c.topic = k.topic and c.partition = k.partition and c.epoch = k.epoch
returning k.number
