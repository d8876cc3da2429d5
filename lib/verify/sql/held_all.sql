-- All that generation $2 of projection $1 has not applied on purpose: parked keys from their version
-- on, and versions left out.
select s.id, s.first_position, h.tenant, h.stream, h.after, h.up_to, h.position, h.text
  from (select tenant, stream, version - 1 as after, 9223372036854775807 as up_to, position,
               state || ': ' || message as text
          from parked_keys where projection = $1 and generation = $2
         union all
        select tenant, stream, version - 1, version, 0, null
          from skipped_versions where projection = $1 and generation = $2) h
  join streams s on s.tenant = h.tenant and s.name = h.stream
