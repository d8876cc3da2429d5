-- The partitions of projection $1's live generation. An owner lives while the lease of its member id
-- does: <group>.<number>@<instance>.
select c.topic, c.partition, c.position, c.kafka_offset, c.owner,
    case when s.number is null then 'stopped' else c.state end as state,
    c.reason, c.since, c.updated_at
from projections p
    join checkpoints c on c.projection = p.name and c.generation = p.generation
    left join projector_slots s
        on c.owner = s.consumer_group || '.' || s.number || '@' || s.instance
            and s.expires_at > clock_timestamp()
where p.name = $1
order by c.topic, c.partition
