-- Each value stands for a block of 1,024 ids.
select nextval('stream_ids') from generate_series(1, $1::integer)
