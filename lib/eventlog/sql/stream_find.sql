select id, version, first_position, last_position from streams where tenant = $1 and name = $2
