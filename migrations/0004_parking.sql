-- What could not be applied: parked keys, dead letters, what people asked for. docs/parking.md has
-- the states. Only the owner of a partition, in a transaction that begins with the checkpoint's
-- update under its epoch, writes parked_keys and skipped_versions, or ends a letter of an event.

-- A stream whose next event can not be applied. What waits is in the log: the stream's events from
-- `version` on, as far as the checkpoint's position.
create table parked_keys (
    projection      text collate "C" not null,
    generation      integer not null,
    tenant          text collate "C" not null,
    stream          text collate "C" not null,
    topic           text collate "C" not null,
    partition       integer not null,
    state           text collate "C" not null check (state in ('retrying', 'dead', 'releasing')),
    version         bigint not null check (version >= 1),             -- the first not applied
    last_version    bigint not null check (last_version >= version),  -- the last one that arrived
    position        bigint not null,                                  -- of `version`; 0: not known yet
    kafka_offset    bigint not null default -1,                       -- the same; -1: it came from the log
    event_id        text not null default '',
    event_type      text not null default '',
    attempts        integer not null default 0,
    next_attempt_at timestamptz,                                      -- retrying only
    class           text collate "C" not null default '',             -- poison.fold, ...
    code            text collate "C" not null default '',
    message         text not null default '',
    letter          bigint,                                           -- dead only
    failed_at       timestamptz not null default clock_timestamp(),   -- `version` first failed
    since           timestamptz not null default clock_timestamp(),   -- parked
    primary key (projection, generation, tenant, stream)
) with (fillfactor = 70);
create index parked_keys_partition on parked_keys (projection, generation, topic, partition);

create table dead_letters (
    id           bigint generated always as identity primary key,
    projection   text collate "C" not null,
    generation   integer not null,
    topic        text collate "C" not null,
    partition    integer not null,
    kafka_offset bigint not null default -1,
    kind         text collate "C" not null check (kind in ('event', 'record')),
    -- an event of this log
    tenant       text collate "C",
    stream       text collate "C",
    version      bigint,
    position     bigint,
    event_id     text,
    event_type   text collate "C",
    -- a record that is not ours, as far as its bounds
    digest       bigint,  -- of its bytes: the same record read again is the same letter
    key          bytea,
    value        bytea,
    value_bytes  bigint,  -- before it was cut; -1: it had none
    headers      json,    -- [["name", "base64"], ...]
    state        text collate "C" not null default 'open'
                 check (state in ('open', 'redriving', 'resolved', 'discarded')),
    class        text collate "C" not null,
    code         text collate "C" not null,
    message      text not null,
    attempts     integer not null,
    redrives     integer not null default 0,  -- in a row that ended with the same cause
    parked_at    timestamptz not null default clock_timestamp(),
    failed_at    timestamptz not null default clock_timestamp(),  -- the last time
    announced_at timestamptz,
    closed_at    timestamptz,
    closed_by    text,
    reason       text,
    check (kind = 'record' or (tenant is not null and stream is not null and version is not null
           and position is not null and event_id is not null and event_type is not null)),
    check (kind = 'event' or digest is not null)
) with (fillfactor = 80);
create unique index dead_letters_event on dead_letters (projection, generation, tenant, stream)
    where kind = 'event' and state in ('open', 'redriving');
create unique index dead_letters_record on dead_letters
    (projection, generation, topic, partition, kafka_offset, digest) where kind = 'record';
create index dead_letters_open on dead_letters (projection, generation, id)
    where state in ('open', 'redriving');
create index dead_letters_unannounced on dead_letters (projection, generation, topic, partition, id)
    where kind = 'event' and announced_at is null;

-- Discarded: no fold waits for it.
create table skipped_versions (
    projection text collate "C" not null,
    generation integer not null,
    tenant     text collate "C" not null,
    stream     text collate "C" not null,
    version    bigint not null,
    position   bigint not null,
    letter     bigint,
    skipped_by text not null,
    reason     text not null,
    skipped_at timestamptz not null default clock_timestamp(),
    primary key (projection, generation, tenant, stream, version)
);

create sequence dead_letter_batches;

create table dead_letter_requests (
    id           bigint generated always as identity primary key,
    batch        bigint not null,  -- of dead_letter_batches: asked for together
    letter       bigint not null,
    projection   text collate "C" not null,
    generation   integer not null,
    topic        text collate "C" not null,
    partition    integer not null,
    kind         text collate "C" not null check (kind in ('redrive', 'discard')),
    requested_by text not null,
    reason       text not null default '',
    requested_at timestamptz not null default clock_timestamp(),
    not_before   timestamptz not null default clock_timestamp(),
    done_at      timestamptz,
    outcome      text collate "C" check (outcome in ('resolved', 'discarded', 'failed', 'gone', 'cancelled')),
    detail       text
);
create unique index dead_letter_requests_open on dead_letter_requests (letter) where done_at is null;
create index dead_letter_requests_due on dead_letter_requests
    (projection, generation, topic, partition, not_before) where done_at is null;
create index dead_letter_requests_batch on dead_letter_requests (batch);

-- Who asked for what: every change an operator makes.
create table audit (
    id      bigint generated always as identity primary key,
    at      timestamptz not null default clock_timestamp(),
    actor   text not null,
    action  text collate "C" not null,  -- dlq.redrive, dlq.discard, ...
    subject text not null,              -- what it was done to
    reason  text not null default '',
    detail  json
);
