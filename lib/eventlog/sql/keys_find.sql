-- Answered idempotency keys, in all live days: a unique index cannot span them.
select q.n, k.hash, k.status, k.headers, k.body
  from unnest($1::text[], $2::text[], $3::text[]) with ordinality as q (tenant, credential, key, n)
  join idempotency_keys k
    on k.tenant = q.tenant and k.credential = q.credential and k.key = q.key
