-- Where generations $2 (live) and $3 of projection $1 are, in each partition of the topics $4 that
-- either or the published cursor knows. A topic that the live one does not read counts as far as it
-- is published.
with entries as (
    select t.value ->> 'topic' as topic, (l.number - 1)::integer as partition,
        l.value::bigint as last
    from publisher_cursor c
        join log_info i on i.id = c.log_id
        cross join lateral json_each(c.cursor -> 'topics') as t
        cross join lateral json_array_elements_text(t.value -> 'last')
            with ordinality as l (value, number)
    where t.value ->> 'topic' = any ($4::text[])
), keys as (
    select topic, partition from entries
    union
    select topic, partition from checkpoints
    where projection = $1 and generation in ($2, $3) and topic = any ($4::text[])
)
select k.topic, k.partition, coalesce(o.position, e.last, 0) as old_at,
    coalesce(n.position, 0) as new_at
from keys k
    left join entries e on e.topic = k.topic and e.partition = k.partition
    left join checkpoints o on o.projection = $1 and o.generation = $2
        and o.topic = k.topic and o.partition = k.partition
    left join checkpoints n on n.projection = $1 and n.generation = $3
        and n.topic = k.topic and n.partition = k.partition
order by k.topic, k.partition
