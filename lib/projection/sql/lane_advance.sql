-- The first statement of a slice: compare and set, so that a lane has one writer whoever that is.
update generation_lanes
set position = $5, events = events + $6
where projection = $1 and generation = $2 and lane = $3 and position = $4
    and exists (select from generations g join log_info i on i.id = g.log_id
                 where g.projection = $1 and g.generation = $2 and g.state = 'filling')
