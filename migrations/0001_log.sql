-- The log: one counter row, streams, events partitioned by position, idempotency keys by day.
-- Names use COLLATE "C": compared as bytes, as the program does.

create table log_info (
    only_one   boolean primary key default true check (only_one),
    id         uuid not null,
    name       text collate "C" not null,
    prefix     text collate "C" not null,
    created_at timestamptz not null default clock_timestamp()
);

-- The order of the log: a position is taken under this row's lock, so positions are gapless and in
-- commit order. Low fillfactor: each append updates it and must stay HOT.
create table log_head (
    only_one    boolean primary key default true check (only_one),
    position    bigint not null check (position >= 0),
    recorded_at timestamptz not null
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

insert into log_head (position, recorded_at) values (0, 'epoch');

-- Ids are handed out in blocks, one nextval a block: nothing has to be returned by the insert.
create sequence stream_ids increment by 1024 minvalue 1 start with 1;

create table streams (
    id             bigint primary key,
    tenant         text collate "C" not null,
    name           text collate "C" not null,
    category       text collate "C" not null,
    version        bigint not null check (version >= 1),
    first_position bigint not null,
    last_position  bigint not null,
    unique (tenant, name)
) with (fillfactor = 60);

-- event data is json, not jsonb: a fact comes back byte for byte.
create table events (
    position       bigint not null,
    stream_id      bigint not null,
    version        bigint not null,
    occurred_at    timestamptz not null,
    recorded_at    timestamptz not null,
    id             text collate "C" not null,
    type           text collate "C" not null,
    data           json not null,
    metadata       json,
    correlation_id text collate "C",
    causation_id   text collate "C",
    request_id     text collate "C",
    traceparent    text collate "C"
) partition by range (position);

-- Each partition's own keys are made by the program (eventlog/upkeep): primary key (position), unique
-- (stream_id, version), index (id, stream_id). A key over all of them would have to contain the
-- position. Likewise the days of idempotency_keys: primary key (tenant, credential, key).

create table categories (
    name          text collate "C" primary key,
    registered_at timestamptz not null default clock_timestamp()
);

create table idempotency_keys (
    day        date not null,
    tenant     text collate "C" not null,
    credential text collate "C" not null,
    key        text collate "C" not null,
    hash       bytea not null,
    status     integer not null,
    headers    text not null,
    body       text not null,
    created_at timestamptz not null default clock_timestamp()
) partition by range (day);

-- What each process says of itself, so that any of them can tell of all.
create table processes (
    id           text collate "C" primary key,
    instance     text collate "C" not null,
    host         text not null,
    pid          integer not null,
    roles        text not null,
    version      text not null,
    started_at   timestamptz not null,
    heartbeat_at timestamptz not null,
    detail       json not null
);
