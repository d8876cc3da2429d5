-- How far generation $2 of projection $1, which reads the categories $3, is behind the published
-- cursor: positions, and partitions; what its worst partition says; parked keys; whether an operator
-- paused it.
with cursor as (
    select c.position, c.cursor from publisher_cursor c join log_info i on i.id = c.log_id
), entries as (
    select t.value ->> 'topic' as topic, l.number - 1 as partition, l.value::bigint as last
    from cursor
        cross join lateral json_each(cursor.cursor -> 'topics') as t
        cross join lateral json_array_elements_text(t.value -> 'last')
            with ordinality as l (value, number)
    where t.key = any ($3::text[])
), behind as (
    select count(*) as count, min(coalesce(c.position, 0)) as position
    from entries e
        left join checkpoints c on c.projection = $1 and c.generation = $2
            and c.topic = e.topic and c.partition = e.partition
    where coalesce(c.position, 0) < e.last
)
select coalesce((select position from cursor), 0) as published,
    coalesce((select position from cursor) - behind.position, 0) as lag,
    behind.count as behind,
    (select c.reason from checkpoints c
      where c.projection = $1 and c.generation = $2 and c.state in ('blocked', 'paused')
      order by c.state, c.partition limit 1) as trouble,
    (select count(*) from parked_keys p where p.projection = $1 and p.generation = $2) as parked,
    coalesce((select paused from projections where name = $1), false) as paused
from behind
