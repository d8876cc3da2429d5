-- The columns of tables $1 and $2, and their types where they have them.
select quote_ident(coalesce(l.attname, o.attname)) as name, l.type as live, o.type as other
from (select attname, format_type(atttypid, atttypmod) as type from pg_attribute
       where attrelid = to_regclass($1) and attnum > 0 and not attisdropped) l
    full join (select attname, format_type(atttypid, atttypmod) as type from pg_attribute
       where attrelid = to_regclass($2) and attnum > 0 and not attisdropped) o
        on o.attname = l.attname
order by 1
