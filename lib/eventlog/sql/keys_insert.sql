-- The day is that of the events: of the database's clock, and never before an earlier batch's.
insert into idempotency_keys (day, tenant, credential, key, hash, status, headers, body)
select ($1::timestamptz at time zone 'UTC')::date, q.*
  from unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::integer[], $7::text[], $8::text[])
       as q
