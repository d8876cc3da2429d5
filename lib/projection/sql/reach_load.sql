-- How far the projections $1 are in each partition of the categories $2, beside log and cursor of the
-- same snapshot: one row without a projection where there is nothing. $3: the generation to look at,
-- null: the live one.
with cursor as (
    select c.position, c.cursor from publisher_cursor c join log_info i on i.id = c.log_id
), lanes as (
    select t.key as category, t.value ->> 'topic' as topic, l.number - 1 as partition,
        l.value::bigint as entry
    from cursor
        cross join lateral json_each(cursor.cursor -> 'topics') as t
        cross join lateral json_array_elements_text(t.value -> 'last')
            with ordinality as l (value, number)
    where t.key = any ($2::text[])
), reached as (
    select p.name, e.category, e.partition, e.entry, coalesce(c.position, 0) as position
    from projections p
        cross join lanes e
        left join checkpoints c on c.projection = p.name
            and c.generation = coalesce($3::integer, p.generation)
            and c.topic = e.topic and c.partition = e.partition
    where p.name = any ($1::text[])
)
select i.id::text as log, h.position as head,
    coalesce((select position from cursor), 0) as published, r.*
from log_info i
    cross join log_head h
    left join reached r on true
order by r.name, r.category, r.partition
