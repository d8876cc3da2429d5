-- Of the streams a batch knows, those that are not as it knows them; id is null where one is gone.
select q.n, s.id, s.version, s.first_position, s.last_position
  from unnest($1::bigint[], $2::bigint[]) with ordinality as q (id, version, n)
  left join streams s on s.id = q.id
 where s.version is distinct from q.version
