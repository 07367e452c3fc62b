-- name: lock
-- One process at a time computes rollups: a slower one would write what it saw earlier over what is newer.
select pg_try_advisory_xact_lock(%(lock)s);

-- name: due
-- Hours that nothing has marked for a while, or that have waited for long, with the number of their marks.
select hour, sum(marks)::bigint from rollup_dirty
group by hour
having max(last_marked_at) <= now() - %(quiet)s::interval or min(first_marked_at) <= now() - %(patience)s::interval
order by hour limit %(limit)s;

-- name: plan
-- Rows of an hour lie together, in the order of their arrival: the index of blocks by time finds them, where by the
-- key each row would be fetched from a page of its own. How many groups come out the planner cannot know: it must not
-- look up the Datastream of each.
set local enable_indexscan = off; set local enable_nestloop = off; set local enable_hashagg = off; set local max_parallel_workers_per_gather = 0;

-- name: refresh_hours
-- Computes the rollups of all Datastreams for some hours anew. Valid from three quarters of data capture on (EEA). In
-- the order of time, so that a mean is the same to its last bit however rows lie. What retention has taken cannot be
-- computed anew: a rollup of such a span stands.
insert into rollup_hour as old (datastream, hour, count, minimum, maximum, mean, last, good_share, capture, valid)
select o.datastream, o.hour, o.count, o.minimum, o.maximum, o.mean, o.last, o.good_share,
       least(1.0, o.count / greatest(1.0, 3600e6 / d.interval_us))::real,
       least(1.0, o.count / greatest(1.0, 3600e6 / d.interval_us)) >= 0.75
from (
    select datastream, time_bucket('1 hour', phenomenon_time) as hour, count(result) as count, min(result) as minimum,
           max(result) as maximum, avg(result order by phenomenon_time) as mean,
           last(result, phenomenon_time) filter (where result is not null) as last,
           (count(*) filter (where quality = 1))::real / count(*) as good_share
    from observation
    where phenomenon_time >= {low} and phenomenon_time < {high}
      and time_bucket('1 hour', phenomenon_time) = any(%(hours)s::timestamptz[])
    group by datastream, time_bucket('1 hour', phenomenon_time)) o
join datastream d on d.id = o.datastream
on conflict (datastream, hour) do update set
    count = excluded.count, minimum = excluded.minimum, maximum = excluded.maximum, mean = excluded.mean,
    last = excluded.last, good_share = excluded.good_share, capture = excluded.capture, valid = excluded.valid
where not exists (select 1 from dropped_chunk c
                  where c.range_start <= excluded.hour and excluded.hour < c.range_end);

-- name: done
-- Takes the marks away of hours that are still as they were before they were read; others come again.
delete from rollup_dirty d
using (select hour from rollup_dirty r join unnest(%(hours)s::timestamptz[], %(marks)s::bigint[]) as n (hour, marks)
           using (hour)
       group by hour, n.marks having sum(r.marks) = n.marks) n
where d.hour = n.hour;
