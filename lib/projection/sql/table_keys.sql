-- The columns of table $1's primary key, in its order, with their types.
select quote_ident(a.attname) as name, format_type(a.atttypid, a.atttypmod) as type
from pg_index i
    cross join lateral unnest(i.indkey::smallint[]) with ordinality as k (attnum, number)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
where i.indrelid = to_regclass($1) and i.indisprimary
order by k.number
