-- The log's lock: who holds this row gives out the next positions. The time is taken again after a
-- wait, because PostgreSQL evaluates the row anew when another transaction has changed it.
select position, greatest(clock_timestamp(), recorded_at) from log_head where only_one for update
