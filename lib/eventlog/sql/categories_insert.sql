insert into categories (name) select unnest($1::text[]) on conflict do nothing
