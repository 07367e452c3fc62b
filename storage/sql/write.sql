-- name: lock_progress
-- Where partitions stand; their rows stay locked until the end of the transaction, which fences a stalled writer.
select topic, partition, next_offset from log_progress
where (topic, partition) in (select * from unnest(%(topics)s::text[], %(partitions)s::integer[]))
order by topic, partition for update;

-- name: begin_progress
-- Partitions of which nothing was ever stored.
insert into log_progress (topic, partition, next_offset)
select topic, partition, 0 from unnest(%(topics)s::text[], %(partitions)s::integer[]) as n (topic, partition)
order by topic, partition
on conflict do nothing;

-- name: read_progress
-- Where a partition stands, without a lock, and up to where what follows from its rows is known.
select next_offset, records, followed_offset from log_progress where topic = %(topic)s and partition = %(partition)s;

-- name: move_progress
-- What was applied in this transaction, of several partitions. Unless something follows from the rows of one later,
-- nothing is to be followed up.
update log_progress p
set next_offset = n.next_offset, records = p.records + n.records,
    followed_offset = case when n.follow then p.followed_offset else n.next_offset end
from unnest(%(topics)s::text[], %(partitions)s::integer[], %(next_offsets)s::bigint[], %(records)s::bigint[],
            %(follow)s::boolean[]) as n (topic, partition, next_offset, records, follow)
where p.topic = n.topic and p.partition = n.partition;

-- name: mark_dirty
-- The rollups of these hours are out of date.
insert into rollup_dirty as old (hour, partition)
select hour, partition from unnest(%(hours)s::timestamptz[], %(partitions)s::integer[]) as n (hour, partition)
order by partition, hour
on conflict (hour, partition) do update set marks = old.marks + 1, last_marked_at = now();

-- name: update_latest_as_stored
-- The newest observation of each Datastream in the transaction of its rows: what came is not always what stands.
update datastream d set last_time = o.phenomenon_time, last_result = o.result, last_quality = o.quality
from unnest(%(ids)s::bigint[], %(times)s::timestamptz[]) as n (id, time)
join observation o on o.datastream = n.id and o.phenomenon_time = n.time
where d.id = n.id and (d.last_time is null or d.last_time <= n.time);

-- name: count_frames
-- What the frames of several partitions came to.
insert into frame_count as old
    (topic, partition, frames, observations, inserted, duplicates, revisions, refused, missing)
select * from unnest(%(topics)s::text[], %(partitions)s::integer[], %(frames)s::bigint[], %(observations)s::bigint[],
                     %(inserted)s::bigint[], %(duplicates)s::bigint[], %(revisions)s::bigint[], %(refused)s::bigint[],
                     %(missing)s::bigint[])
on conflict (topic, partition) do update set
    frames = old.frames + excluded.frames, observations = old.observations + excluded.observations,
    inserted = old.inserted + excluded.inserted, duplicates = old.duplicates + excluded.duplicates,
    revisions = old.revisions + excluded.revisions, refused = old.refused + excluded.refused,
    missing = old.missing + excluded.missing;

-- name: count_processes
-- What ingest processes say in their latest frames that they have done, and how many of their frames were stored.
insert into process_count as old
    (process, partition, frames, sequence, messages, messages_rejected, published, observations_rejected, missing,
     framed, closed)
select * from unnest(%(process)s::text[], %(partition)s::integer[], %(frames)s::bigint[], %(sequence)s::bigint[],
                     %(messages)s::bigint[], %(messages_rejected)s::bigint[], %(published)s::bigint[],
                     %(observations_rejected)s::bigint[], %(missing)s::bigint[], %(framed)s::bigint[],
                     %(closed)s::boolean[])
on conflict (process, partition) do update set
    frames = old.frames + excluded.frames, sequence = excluded.sequence, messages = excluded.messages,
    messages_rejected = excluded.messages_rejected, published = excluded.published,
    observations_rejected = excluded.observations_rejected, missing = excluded.missing, framed = excluded.framed,
    closed = excluded.closed, last_stored_at = now();

-- name: make_staging
-- Where a batch goes that meets what is stored already.
create temporary table staging (
    datastream bigint, phenomenon_time timestamptz, result double precision, quality smallint, tests integer,
    sensor integer, result_time timestamptz, ingested_at timestamptz, raw_flag text,
    place bigint generated always as identity
) on commit drop;

-- name: contested
-- Of the staged rows those whose key stands twice in the batch, or is stored with another result or an earlier
-- result_time; with what is stored. All others are new or mere duplicates.
select s.datastream, s.phenomenon_time, s.result, s.result_time, s.quality, s.tests, s.sensor, s.ingested_at,
       s.raw_flag, o.datastream is not null as stored, o.result, o.result_time, o.quality, o.tests, o.sensor,
       o.ingested_at, o.raw_flag
from (select *, count(*) over (partition by datastream, phenomenon_time) as times from staging) s
left join observation o on o.datastream = s.datastream and o.phenomenon_time = s.phenomenon_time
    and o.phenomenon_time between {low} and {high}
where s.times > 1
   or (o.datastream is not null and (o.result is distinct from s.result
       or coalesce(s.result_time, '-infinity') > coalesce(o.result_time, '-infinity')))
order by s.place;

-- name: insert_uncontested
-- The staged rows whose key is new and stands in the batch once.
insert into observation
    (datastream, phenomenon_time, result, quality, tests, sensor, result_time, ingested_at, raw_flag)
select s.datastream, s.phenomenon_time, s.result, s.quality, s.tests, s.sensor, s.result_time, s.ingested_at, s.raw_flag
from (select *, count(*) over (partition by datastream, phenomenon_time) as times from staging) s
left join observation o on o.datastream = s.datastream and o.phenomenon_time = s.phenomenon_time
    and o.phenomenon_time between {low} and {high}
where s.times = 1 and o.datastream is null;

-- name: revisions_of
-- What was replaced before in some instants.
select r.datastream, r.phenomenon_time, r.result, r.result_time
from revision r
join unnest(%(datastreams)s::bigint[], %(times)s::timestamptz[]) as k (datastream, phenomenon_time)
    using (datastream, phenomenon_time);

-- name: insert_revision
-- A result that does not stand, or no longer.
insert into revision (datastream, phenomenon_time, content, result, quality, result_time, ingested_at)
values (%(datastream)s, %(phenomenon_time)s,
        md5(coalesce(%(result)s::float8::text, '') || '|' || coalesce(%(result_time)s::timestamptz::text, ''))::uuid,
        %(result)s, %(quality)s, %(result_time)s, %(ingested_at)s)
on conflict do nothing;

-- name: put_observation
-- The content that stands now.
insert into observation as old
    (datastream, phenomenon_time, result, quality, tests, sensor, result_time, ingested_at, raw_flag)
values (%(datastream)s, %(phenomenon_time)s, %(result)s, %(quality)s, %(tests)s, %(sensor)s, %(result_time)s,
        %(ingested_at)s, %(raw_flag)s)
on conflict (datastream, phenomenon_time) do update set
    result = excluded.result, quality = excluded.quality, tests = excluded.tests, sensor = excluded.sensor,
    result_time = excluded.result_time, ingested_at = excluded.ingested_at, raw_flag = excluded.raw_flag,
    stored_at = now();

-- name: upsert_anomaly
-- An anomaly's change; an older revision does nothing. The end says nothing of why it opened: that stays.
insert into anomaly as old
    (id, revision_time, revision_sequence, scope, subject, datastream, agency, thing, thing_name, name, zone, unit, kind,
     detector, severity, starts_at, detected_at, ends_at, score, result, expected_low, expected_high, evidence, facts,
     explanation, explanation_zh, first_received_at)
values (%(id)s, %(revision_time)s, %(revision_sequence)s, %(scope)s, %(subject)s, %(datastream)s, %(agency)s,
        %(thing)s, %(thing_name)s, %(name)s, %(zone)s, %(unit)s, %(kind)s, %(detector)s, %(severity)s, %(starts_at)s,
        %(detected_at)s, %(ends_at)s, %(score)s, %(result)s, %(expected_low)s, %(expected_high)s, %(evidence)s,
        %(facts)s, %(explanation)s, %(explanation_zh)s, %(received_at)s)
on conflict (id) do update set
    revision_time = excluded.revision_time, revision_sequence = excluded.revision_sequence,
    severity = excluded.severity, starts_at = excluded.starts_at, ends_at = excluded.ends_at, score = excluded.score,
    evidence = case when excluded.evidence = '[]' then old.evidence else excluded.evidence end,
    facts = case when excluded.facts = '{}' then old.facts else excluded.facts end,
    explanation = excluded.explanation, explanation_zh = excluded.explanation_zh, last_stored_at = now()
where (old.revision_time, old.revision_sequence) < (excluded.revision_time, excluded.revision_sequence);

-- name: upsert_alert
-- An alert's change; an older revision does nothing.
insert into alert as old
    (id, revision_time, revision_sequence, key, status, severity, scope, subject, datastream, agency, thing, thing_name,
     name, zone, kind, opened_at, resolved_at, anomalies, evidence, facts, summary, summary_zh, historic)
values (%(id)s, %(revision_time)s, %(revision_sequence)s, %(key)s, %(status)s, %(severity)s, %(scope)s, %(subject)s,
        %(datastream)s, %(agency)s, %(thing)s, %(thing_name)s, %(name)s, %(zone)s, %(kind)s, %(opened_at)s,
        %(resolved_at)s, %(anomalies)s, %(evidence)s, %(facts)s, %(summary)s, %(summary_zh)s, %(historic)s)
on conflict (id) do update set
    revision_time = excluded.revision_time, revision_sequence = excluded.revision_sequence, status = excluded.status,
    severity = excluded.severity, resolved_at = excluded.resolved_at, anomalies = excluded.anomalies,
    evidence = excluded.evidence, facts = excluded.facts, summary = excluded.summary, summary_zh = excluded.summary_zh,
    last_stored_at = now()
where (old.revision_time, old.revision_sequence) < (excluded.revision_time, excluded.revision_sequence);

-- name: upsert_delivery
-- The outcome of a notification.
insert into delivery (id, alert, notifier, target, status, reason, attempts, finished_delivered_at)
values (%(id)s, %(alert)s, %(notifier)s, %(target)s, %(status)s, %(reason)s, %(attempts)s, %(finished_at)s)
on conflict (id) do update set
    status = excluded.status, reason = excluded.reason, attempts = excluded.attempts,
    finished_delivered_at = excluded.finished_delivered_at
where delivery.status <> 'delivered';

-- name: insert_dead_letter
-- A record of the log that a role could not apply, or from where on it lost some.
insert into dead_letter as old (topic, partition, log_offset, role, reason, value, lost_records)
values (%(topic)s, %(partition)s, %(offset)s, %(role)s, %(reason)s, %(value)s, %(lost_records)s)
on conflict (topic, partition, log_offset, role) do update set
    lost_records = greatest(old.lost_records, excluded.lost_records);
