-- Makes slot $2, or takes it over if its lease still has the token $7 that was seen.
insert into projector_slots as s
    (consumer_group, number, instance, host, process, token, renewed_at, expires_at)
values ($1, $2, $3, $4, $5, $6::text::uuid, clock_timestamp(),
    clock_timestamp() + $8::bigint * interval '1 millisecond')
on conflict (consumer_group, number) do update
    set instance = excluded.instance, host = excluded.host, process = excluded.process,
        token = excluded.token, renewed_at = excluded.renewed_at, expires_at = excluded.expires_at
    where s.token::text = $7
