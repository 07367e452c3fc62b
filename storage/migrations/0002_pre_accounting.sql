-- The accounting tells a lost frame from one that is under way, and from what a killed process had not sent.

alter table process_count
    add column frames bigint not null default 0,
    add column closed boolean not null default false,
    add column last_stored_at timestamptz not null default now();
