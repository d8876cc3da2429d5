-- The generation of projection $1 that a program with the declaration $2 reads: the live one if it
-- fits, else the newest that did; 0: none does, or (is_made false) there is none at all.
select coalesce((select g.generation from generations g
         where g.projection = k.name and g.declaration = $2 and g.state in ('live', 'old')
         order by g.state = 'old', g.generation desc
         limit 1), 0) as generation,
    exists (select from projections p where p.name = k.name) as is_made
from (select $1::text as name) k
