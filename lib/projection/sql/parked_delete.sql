delete from parked_keys
where projection = $1 and generation = $2 and tenant = $3 and stream = $4
