-- A reject is a message with all its problems; groups know the shape of their payloads and what became of their messages.

-- Rejects that retention has taken with their groups, or before the tables knew groups of messages: with these the
-- groups add up to `reject_count`.
create table dropped_reject (
    reason text primary key,
    messages bigint not null default 0,
    redriven bigint not null default 0
);
insert into dropped_reject (reason, messages)
select reason, sum(messages) from reject_count group by reason having sum(messages) > 0;
truncate reject_group cascade;

alter table reject_count add column partly bigint not null default 0;

-- `count` messages = those that stand + `redriven` (read well later) + `dropped` (their bytes went from the log before).
alter table reject_group
    add column payload_shape text not null default '',
    add column redriven bigint not null default 0,
    add column dropped bigint not null default 0;
alter table reject_group set (fillfactor = 60);

alter table reject_sample
    drop column detail,
    drop column value_path,
    add column problems jsonb not null default '[]';

-- Which records of the topic `rejects` stand: one row for each group in each transaction, `batch` is its first offset.
create table standing_reject (
    partition integer not null,
    batch bigint not null,
    reject_group bigint not null references reject_group on delete cascade,
    offsets bigint[] not null,
    primary key (partition, batch, reject_group)
);
create index standing_reject_by_group on standing_reject (reject_group);

-- What became of rejects that were sent again, once for each run.
create table redriven (
    run text not null,
    partition integer not null,
    log_offset bigint not null,
    reject_group bigint,
    process text not null,
    observations bigint not null,
    well boolean not null,
    whole boolean not null,
    sensor_type text,
    problems jsonb not null,
    finished_at timestamptz not null,
    stored_at timestamptz not null default now(),
    primary key (run, partition, log_offset)
);
create index redriven_again on redriven (reject_group, stored_at desc) where not well;
