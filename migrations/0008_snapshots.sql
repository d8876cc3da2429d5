-- Where the load of a long stream begins: a copy of its state at one version. Derived from the events: rows may be
-- deleted at any time.
create table snapshots (
    stream_id   bigint primary key,
    version     bigint not null check (version >= 1),
    schema      integer not null check (schema >= 1), -- the decider's number for what the state means
    position    bigint not null,                      -- of the event with that version
    recorded_at timestamptz not null,                 -- of that event, too
    hash        bigint not null,                      -- over all of the above and the state
    state       bytea not null,                       -- as the decider wrote it
    made_at     timestamptz not null default clock_timestamp()
) with (fillfactor = 70);
