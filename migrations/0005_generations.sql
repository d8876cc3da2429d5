-- Generations of projections: the live one, one that is built beside it, one kept for rollback. Each
-- has a table, checkpoints and a consumer group of its own. docs/rebuild.md says what follows what.

create table generations (
    projection  text collate "C" not null,
    generation  integer not null check (generation >= 1),
    state       text collate "C" not null
                check (state in ('filling', 'catching_up', 'ready', 'live', 'old', 'dropped', 'failed')),
    reason      text not null default '',
    declaration text not null,               -- what its table is made from
    log_id      uuid not null,               -- the log it is built from
    target      bigint not null default 0,   -- filled from slices of the log up to here
    made_at     timestamptz not null default clock_timestamp(),
    since       timestamptz not null default clock_timestamp(), -- in this state
    removed_at  timestamptz,                 -- its table and checkpoints are gone
    primary key (projection, generation)
);

-- One that is read, one that is built.
create unique index generations_live on generations (projection) where state = 'live';
create unique index generations_built on generations (projection)
    where state in ('filling', 'catching_up');

insert into generations (projection, generation, state, declaration, log_id, made_at)
select name, generation, 'live', declaration, log_id, made_at from projections;

alter table projections
    add paused boolean not null default false,
    add paused_by text not null default '',
    add paused_at timestamptz;
