-- Readers find generation $3 of projection $1 from this commit on, if they find $2 until then.
update projections p
set generation = g.generation, declaration = g.declaration, made_at = g.made_at
from generations g
where p.name = $1 and p.generation = $2 and g.projection = $1 and g.generation = $3
