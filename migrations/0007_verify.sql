-- What a verification found, beside its job: the first of them, all are counted in its message.
create table verify_findings (
    job       bigint not null references jobs on delete cascade,
    number    bigint not null check (number >= 1),  -- in the order they were made
    kind      text collate "C" not null
              check (kind in ('lost', 'doubled', 'reordered', 'drifted', 'foreign', 'parked')),
    part      text collate "C" not null check (part in ('log', 'topics', 'models')),
    name      text not null,     -- topic or projection; '': the log
    partition integer not null,  -- of a topic, else -1
    tenant    text not null,
    key       text not null,     -- a stream, or a roll-up's keys
    position  bigint not null,   -- 0: not known
    version   bigint not null,   -- the same
    text      text not null,
    primary key (job, number)
);
