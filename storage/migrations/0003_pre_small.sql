-- What follows from observations is written beside their transaction, not in it; and what is kept has bounds.

-- `followed_offset`: up to there the newest observation of each Datastream is known in `datastream`.
alter table log_progress add column followed_offset bigint not null default 0;

-- An hour is computed when nothing has marked it for a while, or when it has waited for long.
alter table rollup_dirty
    add column first_marked_at timestamptz not null default now(),
    add column last_marked_at timestamptz not null default now();

-- Rows that are updated again and again find room for their next version on their own page: no index is touched then.
alter table datastream set (fillfactor = 60);
alter table log_progress set (fillfactor = 20);
alter table frame_count set (fillfactor = 20);
alter table process_count set (fillfactor = 20);
alter table rollup_dirty set (fillfactor = 20);

-- Whole chunks are dropped: small enough to keep a bound in bytes, large enough that years of them are few.
select set_chunk_time_interval('observation', interval '7 days');
create index observation_by_time on observation using brin (phenomenon_time) with (pages_per_range = 32, autosummarize = on);
select create_hypertable('rollup_hour', 'hour', chunk_time_interval => interval '90 days', migrate_data => true,
                         create_default_indexes => false);

-- What retention took: the rows of the table and these add up to what was inserted. The rollups of such a span stand as
-- they are, since nothing is left to compute them anew from.
create table dropped_chunk (
    name text primary key,
    range_start timestamptz not null,
    range_end timestamptz not null,
    rows bigint not null,
    bytes bigint not null,
    why text not null,
    dropped_at timestamptz not null default now()
);

-- Records that Kafka deleted before a role had read them stand among the dead letters, from `log_offset` on.
alter table dead_letter add column lost_records bigint not null default 0;

-- Dead letters that retention took.
create table dead_letter_count (
    topic text not null,
    role text not null,
    records bigint not null,
    lost_records bigint not null,
    primary key (topic, role)
);
