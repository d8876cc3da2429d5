insert into projections (name, generation, declaration, log_id)
values ($1, $2, $3, $4::text::uuid)
on conflict (name) do update set generation = excluded.generation,
    declaration = excluded.declaration, log_id = excluded.log_id, made_at = clock_timestamp()
