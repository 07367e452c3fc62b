-- name: known_groups
-- Which of these groups there are, and how many in all.
select array_agg(id) filter (where id = any(%(ids)s::bigint[])), count(*) from reject_group;

-- name: upsert_group
-- Rejects of one reason, type, shape of topic and shape of payload.
insert into reject_group as old
    (id, reason, sensor_type, shape, payload_shape, count, observations, first_received_at, last_received_at)
values (%(id)s, %(reason)s, %(sensor_type)s, %(shape)s, %(payload_shape)s, %(count)s, %(observations)s, %(first)s,
        %(last)s)
on conflict (id) do update set
    count = old.count + excluded.count, observations = old.observations + excluded.observations,
    first_received_at = least(old.first_received_at, excluded.first_received_at),
    last_received_at = greatest(old.last_received_at, excluded.last_received_at);

-- name: insert_sample
-- The bytes of a reject.
insert into reject_sample
    (reject_group, topic_partition, log_offset, topic, payload, payload_size, problems, received_at)
values (%(group)s, %(partition)s, %(offset)s, %(topic)s, %(payload)s, %(payload_size)s, %(problems)s::jsonb,
        %(received_at)s)
on conflict do nothing;

-- name: trim_samples
-- The latest few stay.
delete from reject_sample where reject_group = %(group)s and (topic_partition, log_offset) not in (
    select topic_partition, log_offset from reject_sample where reject_group = %(group)s
    order by received_at desc, log_offset desc limit %(samples)s);

-- name: insert_standing
-- These records of the log can be sent again.
insert into standing_reject (partition, batch, reject_group, offsets)
values (%(partition)s, %(batch)s, %(group)s, %(offsets)s::bigint[]);

-- name: count_rejects
-- Rejects of a process by reason: messages refused whole, messages refused in part, values.
insert into reject_count as old (process, reason, messages, partly, observations)
values (%(process)s, %(reason)s, %(messages)s, %(partly)s, %(observations)s)
on conflict (process, reason) do update set
    messages = old.messages + excluded.messages, partly = old.partly + excluded.partly,
    observations = old.observations + excluded.observations;

-- name: lock_standing
-- The rows that may hold some of these offsets. Batches of a partition follow each other: the first is the last one that
-- begins at or before the lowest offset.
select reject_group, offsets from standing_reject
where partition = %(partition)s and batch <= %(highest)s
  and batch >= coalesce((select max(batch) from standing_reject
                         where partition = %(partition)s and batch <= %(lowest)s), 0)
  and offsets && %(offsets)s::bigint[]
order by batch, reject_group
for update;

-- name: insert_redriven
-- An outcome, once for each run.
insert into redriven
    (run, partition, log_offset, reject_group, process, observations, well, whole, sensor_type, problems, finished_at)
values (%(run)s, %(partition)s, %(offset)s, %(group)s, %(process)s, %(observations)s, %(well)s, %(whole)s,
        %(sensor_type)s, %(problems)s::jsonb, %(finished_at)s)
on conflict do nothing;

-- name: read_at_last
-- These stand no longer.
update standing_reject s
set offsets = array(select unnest(s.offsets) except select unnest(%(offsets)s::bigint[]) order by 1)
where partition = %(partition)s and batch <= %(highest)s
  and batch >= coalesce((select max(batch) from standing_reject
                         where partition = %(partition)s and batch <= %(lowest)s), 0)
  and offsets && %(offsets)s::bigint[];

-- name: forget_empty
delete from standing_reject where partition = %(partition)s and batch <= %(highest)s and offsets = '{}';

-- name: count_redriven
update reject_group set redriven = redriven + %(redriven)s where id = %(group)s;

-- name: drop_unread
-- Offsets before the first one of their partition stand no longer; by group.
with first as (
    select * from unnest(%(partitions)s::integer[], %(firsts)s::bigint[]) as f (partition, first)
), hit as (
    select s.partition, s.batch, s.reject_group, s.offsets,
           array(select o from unnest(s.offsets) o where o >= f.first order by 1) as rest
    from standing_reject s join first f using (partition)
    where s.batch < f.first
    for update of s
), emptied as (
    delete from standing_reject s using hit h
    where s.partition = h.partition and s.batch = h.batch and s.reject_group = h.reject_group and h.rest = '{}'
), cut as (
    update standing_reject s set offsets = h.rest from hit h
    where s.partition = h.partition and s.batch = h.batch and s.reject_group = h.reject_group
      and h.rest <> '{}' and h.rest <> h.offsets
)
select reject_group, sum(cardinality(offsets) - cardinality(rest))::bigint from hit
group by reject_group having sum(cardinality(offsets) - cardinality(rest)) > 0;

-- name: count_dropped
update reject_group set dropped = dropped + %(dropped)s where id = %(group)s;

-- name: too_many
-- Groups beyond those that came last.
select id, reason, sensor_type from reject_group where shape <> %(other)s
order by last_received_at desc, id offset %(groups)s;

-- name: fold_group
-- The numbers of a group go to another one, which may be new.
insert into reject_group as old
    (id, reason, sensor_type, shape, payload_shape, count, observations, redriven, dropped, first_received_at,
     last_received_at)
select %(other)s, reason, sensor_type, %(shape)s, %(shape)s, count, observations, redriven, dropped, first_received_at,
       last_received_at
from reject_group where id = %(group)s
on conflict (id) do update set
    count = old.count + excluded.count, observations = old.observations + excluded.observations,
    redriven = old.redriven + excluded.redriven, dropped = old.dropped + excluded.dropped,
    first_received_at = least(old.first_received_at, excluded.first_received_at),
    last_received_at = greatest(old.last_received_at, excluded.last_received_at);

-- name: fold_standing
-- Its records stand as before, under the other one.
insert into standing_reject as old (partition, batch, reject_group, offsets)
select partition, batch, %(other)s, offsets from standing_reject where reject_group = %(group)s
on conflict (partition, batch, reject_group) do update set
    offsets = array(select unnest(old.offsets || excluded.offsets) order by 1);

-- name: delete_group
delete from reject_group where id = %(group)s;

-- name: groups
-- Groups of rejects, those that came last first; how many were refused again when they were sent again, and why.
select g.id, g.reason, g.sensor_type, g.shape, g.payload_shape, g.count, g.observations, g.redriven, g.dropped,
       case when g.reason = 'refused_datastream' then 0 else g.count - g.redriven - g.dropped end as standing,
       g.first_received_at, g.last_received_at, a.refused_again, a.problems as again
from reject_group g
left join lateral (
    select count(distinct (r.partition, r.log_offset)) as refused_again,
           (array_agg(r.problems order by r.stored_at desc))[1] as problems
    from redriven r where r.reject_group = g.id and not r.well
) a on true
where %(id)s::bigint is null or g.id = %(id)s
order by g.last_received_at desc, g.id limit %(limit)s;

-- name: samples
-- The latest bytes of groups of rejects, so many of each.
select s.* from unnest(%(ids)s::bigint[]) with ordinality g (id, place)
cross join lateral (select reject_group, topic, payload, payload_size, problems, received_at
                    from reject_sample where reject_group = g.id
                    order by received_at desc, log_offset desc limit %(limit)s) s
order by g.place, s.received_at desc;

-- name: standing
-- The next rows of records that stand, in the order of the log.
select s.partition, s.batch, s.reject_group, s.offsets
from standing_reject s join reject_group g on g.id = s.reject_group
where (%(group)s::bigint is null or g.id = %(group)s)
  and (%(reason)s::text is null or g.reason = %(reason)s)
  and (%(sensor_type)s::text is null or g.sensor_type = %(sensor_type)s)
  and s.offsets <> '{}'
  and (s.partition, s.batch, s.reject_group) > (%(partition)s, %(batch)s, %(after)s)
order by s.partition, s.batch, s.reject_group limit %(limit)s;

-- name: outcome
-- What became of a run so far.
select count(*) filter (where well) as read, count(*) filter (where not well and not whole) as in_part,
       count(*) filter (where whole) as refused, coalesce(sum(observations), 0)::bigint as observations
from redriven where run = %(run)s;

-- name: refused_again
-- Why a run refused some again: the first problem of each.
select problems -> 0 ->> 'reason' as reason, count(*) as messages from redriven
where run = %(run)s and not well group by 1 order by 2 desc, 1;

-- name: named
-- Groups whose latest samples have a topic with this level, those that came last first, with the latest one of them and
-- whether that one can be sent again.
select g.id, g.reason, g.sensor_type, g.count, s.topic, s.problems -> 0 ->> 'detail' as detail, s.received_at,
       exists (select from standing_reject r where r.reject_group = g.id and r.partition = s.topic_partition
               and s.log_offset = any(r.offsets)) as stands
from reject_group g
cross join lateral (select topic, topic_partition, log_offset, problems, received_at from reject_sample
                    where reject_group = g.id and '/' || topic || '/' like %(level)s
                    order by received_at desc, log_offset desc limit 1) s
order by s.received_at desc, g.id limit %(limit)s;
