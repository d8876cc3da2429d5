-- When the event at a position was recorded.
select recorded_at from events where position = $1
