-- The checkpoints of generation $2 of projection $1, in the order in which batches lock theirs.
select topic, partition
from checkpoints
where projection = $1 and generation = $2
order by topic, partition
for update
