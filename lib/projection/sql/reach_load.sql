-- How far the projections $1, as programs with the declarations $2 read them, are in each partition of
-- the categories $3, beside log and cursor of the same snapshot: one row without a projection where
-- there is nothing. $4: the generation to look at; null: the one that is read
-- (generation_readable.sql).
with readable as (
    select w.name, coalesce($4::integer, (
            select g.generation from generations g
            where g.projection = w.name and g.declaration = w.declaration
                and g.state in ('live', 'old')
            order by g.state = 'old', g.generation desc
            limit 1)) as generation
    from unnest($1::text[], $2::text[]) as w (name, declaration)
), cursor as (
    select c.position, c.cursor from publisher_cursor c join log_info i on i.id = c.log_id
), lanes as (
    select t.key as category, t.value ->> 'topic' as topic, l.number - 1 as partition,
        l.value::bigint as entry
    from cursor
        cross join lateral json_each(cursor.cursor -> 'topics') as t
        cross join lateral json_array_elements_text(t.value -> 'last')
            with ordinality as l (value, number)
    where t.key = any ($3::text[])
), reached as (
    select p.name, e.category, e.partition, e.entry, coalesce(c.position, 0) as position
    from readable p
        cross join lanes e
        left join checkpoints c on c.projection = p.name and c.generation = p.generation
            and c.topic = e.topic and c.partition = e.partition
    where p.generation is not null
)
select i.id::text as log, h.position as head,
    coalesce((select position from cursor), 0) as published, r.*
from log_info i
    cross join log_head h
    left join reached r on true
order by r.name, r.category, r.partition
