-- How far generation $2 of projection $1 is, a row a partition.
select topic, partition, position from checkpoints where projection = $1 and generation = $2
