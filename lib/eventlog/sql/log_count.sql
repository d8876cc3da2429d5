-- Streams of a range of numbers: how many events they have, and whether there are more behind it.
select coalesce((select sum(version) from streams
                  where id > $1::bigint and id <= $2::bigint and category = any ($3::text[])), 0)::bigint,
    coalesce((select max(id) from streams), 0)::bigint
