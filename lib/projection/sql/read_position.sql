-- How far the table is that a program with the declaration $3 reads of projection $1, which reads
-- the categories $2; and which one that is (generation_readable.sql).
with live as (
    select g.generation from generations g
    where g.projection = $1 and g.declaration = $3 and g.state in ('live', 'old')
    order by g.state = 'old', g.generation desc
    limit 1
), cursor as (
    select c.position, c.cursor from publisher_cursor c join log_info i on i.id = c.log_id
), entries as (
    select t.value ->> 'topic' as topic, l.number - 1 as partition, l.value::bigint as last
    from cursor
        cross join lateral json_each(cursor.cursor -> 'topics') as t
        cross join lateral json_array_elements_text(t.value -> 'last')
            with ordinality as l (value, number)
    where t.key = any ($2::text[])
), behind as (
    select min(coalesce(c.position, 0)) as position
    from entries e
        left join checkpoints c on c.projection = $1
            and c.generation = (select generation from live)
            and c.topic = e.topic and c.partition = e.partition
    where coalesce(c.position, 0) < e.last
), reached as (
    select coalesce((select position from behind), (select position from cursor), 0) as position
)
select h.position as head, r.position as reached,
    coalesce((select generation from live), 0) as generation,
    coalesce((extract(epoch from clock_timestamp() - e.recorded_at) * 1000)::bigint, 0) as lag_ms
from log_head h
    cross join reached r
    left join events e on e.position = r.position + 1
