-- name: lock
-- One process at a time.
select pg_try_advisory_xact_lock(%(lock)s);

-- name: patience
-- Who reads or writes what is to go may finish; the next turn comes soon.
set local lock_timeout = '2s';

-- name: chunks
-- The chunks of a hypertable with their sizes, the oldest first.
select c.chunk_schema, c.chunk_name, c.range_start, c.range_end, s.total_bytes
from timescaledb_information.chunks c
join chunks_detailed_size(%(table)s::text::regclass) s using (chunk_schema, chunk_name)
where c.hypertable_name = %(table)s::text
order by c.range_start;

-- name: stored_last
-- When the newest row of a chunk was stored: a replay of old data is kept as long as what is new.
select max(stored_at) from {chunk};

-- name: lock_chunk
-- Nothing may be added between the count and the drop.
lock table {chunk} in access exclusive mode;

-- name: note_drop
-- What is about to go is counted.
insert into dropped_chunk (name, range_start, range_end, rows, bytes, why)
select %(name)s::text, %(start)s::timestamptz, %(end)s::timestamptz, count(*), %(bytes)s::bigint, %(why)s::text from {chunk}
returning rows;

-- name: drop
-- One chunk.
select drop_chunks(%(table)s::text::regclass, older_than => %(end)s::timestamptz, newer_than => %(start)s::timestamptz);

-- name: drop_revisions
-- What was replaced in a span that went.
delete from revision where phenomenon_time >= %(start)s and phenomenon_time < %(end)s;

-- name: revisions
delete from revision where stored_at < now() - %(days)s * interval '1 day';

-- name: deliveries
delete from delivery where finished_delivered_at < now() - %(days)s * interval '1 day';

-- name: alerts
-- Open ones stay.
delete from alert where status = 'resolved' and last_stored_at < now() - %(days)s * interval '1 day';

-- name: anomalies
-- Open ones stay.
delete from anomaly where ends_at is not null and last_stored_at < now() - %(days)s * interval '1 day';

-- name: reject_groups
-- Old ones; their counts stay.
with gone as (
    delete from reject_group where last_received_at < now() - %(days)s * interval '1 day'
    returning reason, count, redriven)
insert into dropped_reject as old (reason, messages, redriven)
select reason, sum(count), sum(redriven) from gone where reason <> 'refused_datastream' group by reason
on conflict (reason) do update set
    messages = old.messages + excluded.messages, redriven = old.redriven + excluded.redriven;

-- name: redriven
-- Old ones, and all but the latest of very many; what they changed stands in the groups.
delete from redriven where stored_at < now() - %(days)s * interval '1 day'
    or stored_at < (select stored_at from redriven order by stored_at desc offset %(outcomes)s limit 1);

-- name: dead_letters
-- Old ones, and all but the latest of very many; their counts stay.
with gone as (
    delete from dead_letter where stored_at < now() - %(days)s * interval '1 day'
        or (topic, partition, log_offset, role) in (
            select topic, partition, log_offset, role from dead_letter where lost_records = 0
            order by stored_at desc, topic, partition, log_offset offset %(letters)s)
    returning topic, role, lost_records)
insert into dead_letter_count as old (topic, role, records, lost_records)
select topic, role, count(*) filter (where lost_records = 0), sum(lost_records) from gone group by topic, role
on conflict (topic, role) do update set
    records = old.records + excluded.records, lost_records = old.lost_records + excluded.lost_records;

-- name: processes
-- Ingest processes that have been silent for long become two, one for those that ended well and one for the killed.
with old as (
    select process, case when bool_and(closed) and count(*) = %(partitions)s then 'earlier-closed' else 'earlier-killed' end as kind,
           max(messages) as messages, max(messages_rejected) as messages_rejected, max(published) as published,
           max(observations_rejected) as observations_rejected
    from process_count where process not in ('earlier-closed', 'earlier-killed')
    group by process having max(last_stored_at) < now() - %(days)s * interval '1 day'
), gone as (
    delete from process_count p using old o where p.process = o.process
    returning o.kind, p.partition, p.frames, p.sequence, p.missing, p.framed
), rejects as (
    delete from reject_count r using old o where r.process = o.process
    returning o.kind, r.reason, r.messages, r.partly, r.observations
), folded as (
    insert into reject_count as r (process, reason, messages, partly, observations)
    select kind, reason, sum(messages), sum(partly), sum(observations) from rejects group by kind, reason
    on conflict (process, reason) do update set
        messages = r.messages + excluded.messages, partly = r.partly + excluded.partly,
        observations = r.observations + excluded.observations
)
insert into process_count as p
    (process, partition, frames, sequence, messages, messages_rejected, published, observations_rejected, missing,
     framed, closed, last_stored_at)
select o.kind, n.partition, coalesce(g.frames, 0), coalesce(g.sequence, 0), o.messages, o.messages_rejected, o.published,
       o.observations_rejected, coalesce(g.missing, 0), coalesce(g.framed, 0), o.kind = 'earlier-closed', '-infinity'
from (select kind, sum(messages) as messages, sum(messages_rejected) as messages_rejected, sum(published) as published,
             sum(observations_rejected) as observations_rejected from old group by kind) o
cross join generate_series(0, %(partitions)s - 1) as n (partition)
left join (select kind, partition, sum(frames) as frames, sum(sequence) as sequence, sum(missing) as missing,
                  sum(framed) as framed from gone group by kind, partition) g
    on g.kind = o.kind and g.partition = n.partition
on conflict (process, partition) do update set
    frames = p.frames + excluded.frames, sequence = p.sequence + excluded.sequence,
    messages = p.messages + excluded.messages, messages_rejected = p.messages_rejected + excluded.messages_rejected,
    published = p.published + excluded.published,
    observations_rejected = p.observations_rejected + excluded.observations_rejected,
    missing = p.missing + excluded.missing, framed = p.framed + excluded.framed;

-- name: refusals
-- Of processes that are no longer told apart.
delete from refused_declaration where process not in (select process from process_count);
