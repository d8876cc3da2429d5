update checkpoints
set state = $6, reason = $7, since = clock_timestamp()
where projection = $1 and generation = $2 and topic = $3 and partition = $4 and epoch = $5
