-- Long work: carried out by whichever process has the lease; where it is, is in what it works on.
create table jobs (
    id                  bigint generated always as identity primary key,
    kind                text collate "C" not null,
    projection          text collate "C",         -- that it works on
    arguments           json not null,
    state               text collate "C" not null default 'queued'
                        check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
    done                bigint not null default 0,
    total               bigint not null default 0, -- 0: not known
    rate                bigint not null default 0, -- a second, of the last ten
    parked              bigint not null default 0,
    lag                 bigint not null default 0, -- positions behind, while it catches up
    message             text not null default '',
    holder              text not null default '',  -- of the lease
    epoch               bigint not null default 0, -- only rises; each write of a holder names it
    expires_at          timestamptz not null default 'epoch',
    requested_by        text not null,
    requested_at        timestamptz not null default clock_timestamp(),
    started_at          timestamptz,
    heartbeat_at        timestamptz,
    finished_at         timestamptz,
    cancel_requested_by text
) with (fillfactor = 50);

create index jobs_open on jobs (id) where state in ('queued', 'running');

-- How far each lane of a fill is; committed with the rows.
create table generation_lanes (
    projection text collate "C" not null,
    generation integer not null,
    lane       integer not null check (lane >= 0),
    lanes      integer not null check (lanes > lane),
    position   bigint not null default 0,
    events     bigint not null default 0,  -- that were folded
    primary key (projection, generation, lane)
) with (fillfactor = 10);
