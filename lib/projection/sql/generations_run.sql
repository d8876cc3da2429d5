-- What a process runs of the projections $1, whose program has the declarations $2, on the log $3.
select k.number, g.generation, g.state = 'live' as is_live
from unnest($1::text[], $2::text[]) with ordinality as k (name, declaration, number)
    join projections p on p.name = k.name and not p.paused
    join generations g on g.projection = p.name and g.declaration = k.declaration
        and g.log_id = $3::text::uuid and g.state in ('catching_up', 'ready', 'live', 'old')
order by k.number, g.generation desc
limit $4::bigint
