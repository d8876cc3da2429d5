-- The generations of projection $1, the newest first.
select generation, state, reason, declaration, log_id::text, target, made_at, since,
    removed_at is not null
from generations
where projection = $1
order by generation desc
limit 32
