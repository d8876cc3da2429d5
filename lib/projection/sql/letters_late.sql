-- Partitions with letters that nobody has been told of, if the generation is live.
select distinct topic, partition
from dead_letters
where projection = $1 and generation = $2 and kind = 'event' and announced_at is null
    and $2 = (select generation from projections where name = $1)
