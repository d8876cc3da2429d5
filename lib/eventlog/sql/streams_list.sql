-- Names are ASCII and compared as bytes: none that begins with the prefix is above prefix || DEL.
select name, version, last_position
  from streams
 where tenant = $1 and name > $2 and name >= $3 and name < $3 || chr(127)
 order by name
 limit $4::bigint
