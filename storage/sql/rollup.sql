-- name: claim_dirty
-- Takes marks whose writers have committed.
delete from rollup_dirty where (hour, partition) in (
    select hour, partition from rollup_dirty order by hour limit %(limit)s for update skip locked)
returning hour;

-- name: refresh_hours
-- Computes the rollups of all Datastreams for some hours anew. Valid from three quarters of data capture on (EEA).
insert into rollup_hour as old (datastream, hour, count, minimum, maximum, mean, last, good_share, capture, valid)
select o.datastream, date_trunc('hour', o.phenomenon_time), count(o.result), min(o.result), max(o.result),
       avg(o.result), (array_agg(o.result order by o.phenomenon_time desc) filter (where o.result is not null))[1],
       (count(*) filter (where o.quality = 1))::real / count(*),
       least(1.0, count(o.result) / greatest(1.0, 3600e6 / min(d.interval_us)))::real,
       least(1.0, count(o.result) / greatest(1.0, 3600e6 / min(d.interval_us))) >= 0.75
from observation o
join datastream d on d.id = o.datastream
where o.phenomenon_time >= {low} and o.phenomenon_time < {high}
  and date_trunc('hour', o.phenomenon_time) = any(%(hours)s::timestamptz[])
group by 1, 2
on conflict (datastream, hour) do update set
    count = excluded.count, minimum = excluded.minimum, maximum = excluded.maximum, mean = excluded.mean,
    last = excluded.last, good_share = excluded.good_share, capture = excluded.capture, valid = excluded.valid;
