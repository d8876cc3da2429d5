-- Checkpoints for each partition of the categories $3 that the cursor has: from there the
-- generation's runners go on. At the last event of the partition that was filled, as every other
-- checkpoint, so that two generations with the same events are at the same positions.
insert into checkpoints (projection, generation, topic, partition, position)
select $1, $2, t.value ->> 'topic', l.number - 1, least(l.value::bigint, $4::bigint)
from publisher_cursor c
    join log_info i on i.id = c.log_id
    cross join lateral json_each(c.cursor -> 'topics') as t
    cross join lateral json_array_elements_text(t.value -> 'last')
        with ordinality as l (value, number)
where t.key = any ($3::text[])
