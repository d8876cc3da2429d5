-- One that nobody runs or reads any more, locked so that one process removes it.
select projection, generation
from generations
where state in ('dropped', 'failed') and removed_at is null
    and since < clock_timestamp() - interval '10 seconds'
order by since
limit 1
for update skip locked
