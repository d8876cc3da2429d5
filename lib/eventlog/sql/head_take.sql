-- The log's lock and its new head in one, if the head is still at $1: else the division fails, and with it the
-- transaction. Evaluated anew after a wait, as in head_lock.
with taken as (
     update log_head set position = $2, recorded_at = greatest(clock_timestamp(), recorded_at)
      where only_one and position = $1
  returning recorded_at)
select max(recorded_at), 1 / count(*) from taken
