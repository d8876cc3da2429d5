-- Parked keys of projection $1's live generation by state, and its open letters; records of any.
select count(*) filter (where k.state = 'retrying'), count(*) filter (where k.state = 'dead'),
    count(*) filter (where k.state = 'releasing'),
    (select count(*) from dead_letters l
     where l.projection = $1 and l.state in ('open', 'redriving')
         and (l.kind = 'record' or l.generation = (select generation from projections where name = $1)))
from parked_keys k
where k.projection = $1 and k.generation = (select generation from projections where name = $1)
