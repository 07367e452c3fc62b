-- The accounting tells a lost frame from one that is under way, and from what a killed process had not sent.

alter table process_count
    add column frames bigint not null default 0,
    add column closed boolean not null default false,
    add column last_stored_at timestamptz not null default now();

-- Records of the log that a role could not apply.
create table dead_letter (
    topic text not null,
    partition integer not null,
    log_offset bigint not null,
    role text not null,
    reason text not null,
    value bytea not null,
    stored_at timestamptz not null default now(),
    primary key (topic, partition, log_offset, role)
);

-- Declarations whose identity or unit is another's: what a process sends under them is refused.
create table refused_declaration (
    process text not null,
    datastream bigint not null,
    why text not null,
    primary key (process, datastream)
);
