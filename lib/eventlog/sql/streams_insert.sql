insert into streams (id, tenant, name, category, version, first_position, last_position)
select *
  from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
              $7::bigint[])
