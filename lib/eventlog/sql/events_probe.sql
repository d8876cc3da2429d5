select position, stream_id, version, id
  from events
 where position > $1 and position <= $2
 order by position
