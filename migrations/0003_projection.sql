-- What the projector keeps beside its read models. Their tables, rm_<projection>_<generation>, are
-- made by the program from the domain's declaration.

create table projections (
    name        text collate "C" primary key,
    generation  integer not null check (generation >= 1),  -- the live one
    declaration text not null,                             -- what its table was made from
    log_id      uuid not null,                             -- the log it was built from
    made_at     timestamptz not null default clock_timestamp()
);

-- How far a partition is applied; committed with the rows. Each batch updates it: low fillfactor, no
-- index on what changes, so that it stays HOT.
create table checkpoints (
    projection   text collate "C" not null,
    generation   integer not null,
    topic        text collate "C" not null,
    partition    integer not null check (partition >= 0),
    position     bigint not null default 0 check (position >= 0),
    kafka_offset bigint not null default -1 check (kafka_offset >= -1),  -- next to read; -1: not known
    epoch        bigint not null default 0,                              -- who may write
    owner        text not null default '',                               -- holder of the epoch
    state        text collate "C" not null default 'starting'
                 check (state in ('starting', 'catching_up', 'running', 'paused', 'blocked')),
    reason       text not null default '',
    since        timestamptz not null default clock_timestamp(),         -- in this state
    updated_at   timestamptz not null default clock_timestamp(),
    primary key (projection, generation, topic, partition)
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Static member ids of consumer groups, <group>.<number>, leased: two living processes never share
-- one, and a process that is started again has its own back.
create table projector_slots (
    consumer_group text collate "C" not null,
    number         integer not null check (number >= 0),
    instance       text not null,
    host           text not null,
    process        text not null,  -- boot, pid namespace, pid and start: one process, for ever
    token          uuid not null,  -- of this lease; only its holder knows it
    renewed_at     timestamptz not null,
    expires_at     timestamptz not null,
    primary key (consumer_group, number)
);
