-- name: partitions
-- Each partition of the observations up to its offset.
select f.topic, f.partition, p.next_offset, f.frames, f.observations, f.inserted, f.duplicates, f.revisions, f.refused,
       f.missing
from frame_count f join log_progress p using (topic, partition)
order by f.topic, f.partition;

-- name: processes
-- What each ingest process had done by its latest frame. `frames`, `sent`, `framed` and `missing` are counted in each
-- partition on its own. `state`: closed (said its last word in every partition), live (spoke lately), killed.
select process, max(messages) as messages, max(messages_rejected) as messages_rejected, max(published) as published,
       max(observations_rejected) as observations_rejected, sum(framed)::bigint as framed,
       sum(missing)::bigint as missing, sum(frames)::bigint as frames, sum(sequence)::bigint as sent,
       case when bool_and(closed) and count(*) = %(partitions)s then 'closed'
            when max(last_stored_at) > now() - interval '15 seconds'
                and process = max(process) over (partition by left(process, -16)) then 'live'
            else 'killed' end as state
from process_count
group by process
order by process;

-- name: rejected
-- Rejects as they were stored.
select process, reason, messages, partly, observations from reject_count order by process, reason;

-- name: tables
-- What stands in the tables and what retention took from them; of the dead letters those that the table of
-- observations lacks. Of the rejects those whose record of the log stands, those that were read later, and those whose
-- record went before (`refused_datastream` are no records of that log).
select (select coalesce(sum(cardinality(offsets)), 0)::bigint from standing_reject) as standing,
       (select coalesce(sum(redriven), 0)::bigint from reject_group)
       + (select coalesce(sum(redriven), 0)::bigint from dropped_reject) as redriven,
       (select coalesce(sum(dropped), 0)::bigint from reject_group)
       + (select coalesce(sum(messages - redriven), 0)::bigint from dropped_reject) as dropped_rejects,
       (select count(*) from observation) as observations,
       (select coalesce(sum(rows), 0)::bigint from dropped_chunk) as dropped,
       (select count(*) from dead_letter
        where lost_records = 0 and role = 'store' and topic like '%observations')
       + (select coalesce(sum(records), 0)::bigint from dead_letter_count
          where role = 'store' and topic like '%observations') as dead_frames,
       (select count(*) from dead_letter where lost_records = 0)
       + (select coalesce(sum(records), 0)::bigint from dead_letter_count) as dead_letters;

-- name: lost
-- Records that Kafka deleted before a role had read them.
select role, sum(lost_records)::bigint as records
from (select role, lost_records from dead_letter union all select role, lost_records from dead_letter_count) l
where lost_records > 0 group by role order by role;
