-- Answered idempotency keys, in all live days: a unique index cannot span them. The limit fixes the
-- plan, as in streams_moved.
select q.n, k.hash, k.status, k.headers, k.body
  from unnest($1::text[], $2::text[], $3::text[]) with ordinality as q (tenant, credential, key, n)
 cross join lateral (
       select *
         from idempotency_keys
        where tenant = q.tenant and credential = q.credential and key = q.key
        limit 1) k
