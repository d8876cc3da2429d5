-- The publisher: who leads, how far Kafka is, what it says of itself, what operators asked of it.

-- The lease keeps publishers from fighting; what they write in Kafka is fenced there. The epoch only
-- rises, and every write of a leader to these tables names it.
create table publisher_lease (
    only_one   boolean primary key default true check (only_one),
    holder     text collate "C" not null,
    epoch      bigint not null,
    expires_at timestamptz not null
) with (fillfactor = 10);

insert into publisher_lease (holder, epoch, expires_at) values ('', 0, 'epoch');

-- The database's copy of the cursor, written after every commit in Kafka: readers compare checkpoints
-- with it, and the publisher notices a cursor that Kafka lost. No row: nothing was published yet.
create table publisher_cursor (
    only_one   boolean primary key default true check (only_one),
    log_id     uuid not null,
    epoch      bigint not null,
    position   bigint not null,
    cursor     json not null,
    updated_at timestamptz not null
) with (fillfactor = 10);

create table publisher_state (
    only_one   boolean primary key default true check (only_one),
    epoch      bigint not null,
    holder     text collate "C" not null,
    state      text collate "C" not null,
    reason     text collate "C" not null,
    detail     text not null,
    since      timestamptz not null,
    updated_at timestamptz not null,
    -- What outlives a leader: a pause until it is resumed, a stop until an operator accepts.
    paused     boolean not null,
    handled    bigint not null, -- the last of publisher_requests that was carried out
    stops      bigint not null  -- how often it stopped: a request names the stop it answers
) with (fillfactor = 10);

insert into publisher_state
    (epoch, holder, state, reason, detail, since, updated_at, paused, handled, stops)
values
    (0, '', 'starting', '', '', clock_timestamp(), clock_timestamp(), false, 0, 0);

create table publisher_requests (
    id           bigint generated always as identity primary key,
    kind         text collate "C" not null,
    position     bigint,
    prefix       text collate "C",
    stop         bigint,
    requested_by text not null,
    requested_at timestamptz not null default clock_timestamp(),
    done_at      timestamptz,
    outcome      text
);
