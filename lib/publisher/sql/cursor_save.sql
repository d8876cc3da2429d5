-- $1 log, $2 epoch, $3 position, $4 cursor, $5 also when it goes back
insert into publisher_cursor as c (log_id, epoch, position, cursor, updated_at)
values ($1::uuid, $2, $3, $4, clock_timestamp())
on conflict (only_one) do update
   set log_id = excluded.log_id,
       epoch = excluded.epoch,
       position = excluded.position,
       cursor = excluded.cursor,
       updated_at = excluded.updated_at
 where c.epoch <= excluded.epoch
   and ($5 or c.log_id <> excluded.log_id or c.position <= excluded.position)
