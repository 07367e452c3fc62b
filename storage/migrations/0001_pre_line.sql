-- The straight line: who and where, observations, what was found in them, and the accounting of it all.

create table agency (
    name text primary key,
    parent text references agency
);

create table thing (
    id bigint primary key,
    agency text not null references agency,
    name text not null,
    zone text not null,
    partition integer not null,
    clock text not null,
    longitude double precision,
    latitude double precision,
    unique (agency, name)
);

create table datastream (
    id bigint primary key,
    thing bigint not null references thing,
    name text not null,
    observed_property text not null,
    unit text not null,
    sensor_type text not null,
    sensor_version integer not null,
    interval_us bigint not null,
    last_time timestamptz,
    last_result double precision,
    last_quality smallint,
    unique (thing, name)
);

create table sensor (
    id integer generated always as identity primary key,
    name text not null,
    version integer not null,
    unique (name, version)
);

create table observation (
    datastream bigint not null,
    phenomenon_time timestamptz not null,
    result double precision,
    quality smallint not null,
    tests integer not null,
    sensor integer not null,
    result_time timestamptz,
    ingested_at timestamptz not null,
    raw_flag text,
    stored_at timestamptz not null default now(),
    primary key (datastream, phenomenon_time)
);
select create_hypertable('observation', 'phenomenon_time', chunk_time_interval => interval '28 days', create_default_indexes => false);

-- What a later correction replaced, or what came too late to replace anything.
create table revision (
    datastream bigint not null,
    phenomenon_time timestamptz not null,
    content uuid not null,
    result double precision,
    quality smallint not null,
    result_time timestamptz,
    ingested_at timestamptz not null,
    stored_at timestamptz not null default now(),
    primary key (datastream, phenomenon_time, content)
);

create table rollup_hour (
    datastream bigint not null,
    hour timestamptz not null,
    count integer not null,
    minimum double precision,
    maximum double precision,
    mean double precision,
    last double precision,
    good_share real not null,
    capture real not null,
    valid boolean not null,
    primary key (datastream, hour)
);

-- Hours whose rollup is out of date. One mark a partition, so that partitions do not wait for each other.
create table rollup_dirty (
    hour timestamptz not null,
    partition integer not null,
    marks integer not null default 1,
    primary key (hour, partition)
);

create table anomaly (
    id bigint primary key,
    revision_time bigint not null,
    revision_sequence bigint not null,
    datastream bigint not null,
    agency text not null,
    kind text not null,
    detector text not null,
    severity text not null,
    starts_at timestamptz not null,
    detected_at timestamptz not null,
    ends_at timestamptz,
    score double precision not null,
    result double precision,
    expected_low double precision,
    expected_high double precision,
    explanation text not null,
    first_received_at timestamptz not null,
    last_stored_at timestamptz not null default now()
);
create index anomaly_by_datastream on anomaly (datastream, detected_at desc);
create index anomaly_open on anomaly (detected_at desc) where ends_at is null;
create index anomaly_by_time on anomaly (detected_at desc);

create table alert (
    id bigint primary key,
    revision_time bigint not null,
    revision_sequence bigint not null,
    key text not null,
    status text not null check (status in ('open', 'resolved')),
    severity text not null,
    agency text not null,
    datastream bigint not null,
    kind text not null,
    opened_at timestamptz not null,
    resolved_at timestamptz,
    anomalies bigint[] not null,
    summary text not null,
    historic boolean not null,
    last_stored_at timestamptz not null default now()
);
create unique index alert_one_open on alert (key) where status = 'open';
create index alert_by_time on alert (opened_at desc);

create table reject_group (
    id bigint primary key,
    reason text not null,
    sensor_type text,
    shape text not null,
    count bigint not null,
    observations bigint not null,
    first_received_at timestamptz not null,
    last_received_at timestamptz not null
);

create table reject_sample (
    reject_group bigint not null references reject_group on delete cascade,
    topic_partition integer not null,
    log_offset bigint not null,
    topic text not null,
    payload bytea not null,
    payload_size integer not null,
    detail text not null,
    value_path text,
    received_at timestamptz not null,
    primary key (reject_group, topic_partition, log_offset)
);

create table delivery (
    id text primary key,
    alert bigint not null,
    notifier text not null,
    target text not null,
    status text not null,
    reason text not null,
    attempts integer not null,
    finished_delivered_at timestamptz not null
);

-- Where each partition of each topic stands: written in the transaction of the rows.
create table log_progress (
    topic text not null,
    partition integer not null,
    next_offset bigint not null,
    records bigint not null default 0,
    primary key (topic, partition)
);

create table frame_count (
    topic text not null,
    partition integer not null,
    frames bigint not null default 0,
    observations bigint not null default 0,
    inserted bigint not null default 0,
    duplicates bigint not null default 0,
    revisions bigint not null default 0,
    refused bigint not null default 0,
    missing bigint not null default 0,
    primary key (topic, partition)
);

-- The latest word of each ingest process in each partition.
create table process_count (
    process text not null,
    partition integer not null,
    sequence bigint not null,
    messages bigint not null,
    messages_rejected bigint not null,
    published bigint not null,
    observations_rejected bigint not null,
    missing bigint not null,
    framed bigint not null,
    primary key (process, partition)
);

create table reject_count (
    process text not null,
    reason text not null,
    messages bigint not null,
    observations bigint not null,
    primary key (process, reason)
);

create table session (
    token_hash bytea primary key,
    user_name text not null,
    expires_at timestamptz not null
);

-- The stable outside names.
create view observations with (security_barrier) as
select o.datastream, t.agency, t.name as thing, d.name, d.observed_property, d.unit, o.phenomenon_time, o.result,
       o.quality, o.tests, o.raw_flag, s.name as sensor_type, s.version as sensor_version, o.result_time,
       o.ingested_at, o.stored_at
from observation o
join datastream d on d.id = o.datastream
join thing t on t.id = d.thing
join sensor s on s.id = o.sensor;

create view datastreams with (security_barrier) as
select d.id, t.id as thing_id, t.agency, t.name as thing, t.zone, t.partition, d.name, d.observed_property, d.unit,
       d.sensor_type, d.sensor_version, d.interval_us, t.longitude, t.latitude, d.last_time, d.last_result,
       d.last_quality
from datastream d
join thing t on t.id = d.thing;

create view anomalies with (security_barrier) as
select a.id, a.datastream, a.agency, t.name as thing, d.name, d.observed_property, d.unit, t.zone, a.kind, a.detector,
       a.severity, a.starts_at, a.detected_at, a.ends_at, a.score, a.result, a.expected_low, a.expected_high,
       a.explanation
from anomaly a
join datastream d on d.id = a.datastream
join thing t on t.id = d.thing;

create view alerts with (security_barrier) as
select a.id, a.key, a.status, a.severity, a.agency, t.name as thing, d.name, a.datastream, t.zone, a.kind, a.opened_at,
       a.resolved_at, a.anomalies, a.summary, a.historic
from alert a
join datastream d on d.id = a.datastream
join thing t on t.id = d.thing;
