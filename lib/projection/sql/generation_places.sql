-- Where the generations of projection $1 are that have checkpoints.
select c.generation, c.topic, c.partition, c.position,
    case when s.number is null then 'stopped' else c.state end as state, c.reason
from checkpoints c
    left join projector_slots s
        on c.owner = s.consumer_group || '.' || s.number || '@' || s.instance
            and s.expires_at > clock_timestamp()
where c.projection = $1
order by c.generation, c.topic, c.partition
