-- Makes or takes a partition's checkpoint: whoever had the epoch before writes no more. Waits for
-- a transaction that holds the row, so what is returned is final.
insert into checkpoints as c (projection, generation, topic, partition, epoch, owner)
values ($1, $2, $3, $4, 1, $5)
on conflict (projection, generation, topic, partition)
    do update set epoch = c.epoch + 1, owner = excluded.owner, updated_at = clock_timestamp()
returning epoch, position, kafka_offset
