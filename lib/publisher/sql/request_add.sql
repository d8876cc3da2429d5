-- $1 kind, $2 position, $3 prefix, $4 the stop it answers, $5 by whom
insert into publisher_requests (kind, position, prefix, stop, requested_by)
values ($1, $2, $3, $4, $5)
