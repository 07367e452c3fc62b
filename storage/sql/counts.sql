-- name: partitions
-- Each partition of the observations up to its offset.
select f.topic, f.partition, p.next_offset, f.frames, f.observations, f.inserted, f.duplicates, f.revisions, f.refused,
       f.missing
from frame_count f join log_progress p using (topic, partition)
order by f.topic, f.partition;

-- name: processes
-- What each ingest process had done by its latest frame; `framed` is counted in each partition on its own.
select process, max(messages) as messages, max(messages_rejected) as messages_rejected, max(published) as published,
       max(observations_rejected) as observations_rejected, max(missing) as missing, sum(framed)::bigint as framed
from process_count
group by process
order by process;

-- name: rejected
-- Rejects as they were stored.
select reason, sum(messages)::bigint as messages, sum(observations)::bigint as observations
from reject_count
group by reason
order by reason;

-- name: tables
-- What stands in the tables.
select (select count(*) from observation) as observations;
