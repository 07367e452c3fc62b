-- name: city
-- Every Thing with what is open on it.
select t.id, t.agency, t.name, t.zone, t.longitude, t.latitude, d.datastreams, d.last_time,
       coalesce(a.anomalies, 0) as open_anomalies, coalesce(l.alerts, 0) as open_alerts, l.severity
from thing t
join (select thing, count(*) as datastreams, max(last_time) as last_time from datastream group by thing) d
    on d.thing = t.id
left join (select d.thing, count(*) as anomalies from anomaly a join datastream d on d.id = a.datastream
           where a.ends_at is null group by d.thing) a on a.thing = t.id
left join (select d.thing, count(*) as alerts,
                  (array_agg(a.severity order by array_position(array['critical', 'major', 'minor', 'notice'], a.severity)))[1]
                      as severity
           from alert a join datastream d on d.id = a.datastream where a.status = 'open' group by d.thing) l
    on l.thing = t.id
order by t.agency, t.zone, t.name;

-- name: thing
-- One Thing.
select id, agency, name, zone, partition, longitude, latitude from thing where id = %(id)s;

-- name: datastreams
-- The Datastreams of a Thing with their newest observation and what is open on them.
select d.id, d.name, d.observed_property, d.unit, d.sensor_type, d.sensor_version, d.interval_us, d.last_time,
       d.last_result, d.last_quality, a.kind as open_kind, a.explanation, a.severity
from datastream d
left join lateral (select kind, explanation, severity from anomaly
                   where datastream = d.id and ends_at is null order by detected_at desc limit 1) a on true
where d.thing = %(id)s
order by d.name;

-- name: datastream
-- One Datastream.
select d.id, d.name, d.observed_property, d.unit, d.sensor_type, d.sensor_version, d.interval_us, d.last_time,
       d.last_result, d.last_quality, t.id as thing_id, t.name as thing, t.agency, t.zone
from datastream d join thing t on t.id = d.thing
where d.id = %(id)s;

-- name: count_series
-- How many observations lie in a span.
select count(*) as observations from observation
where datastream = %(id)s and phenomenon_time >= %(start)s and phenomenon_time < %(end)s;

-- name: series
-- The observations of a span as they are.
select phenomenon_time as time, result, quality, result as low, result as high, 1 as count from observation
where datastream = %(id)s and phenomenon_time >= %(start)s and phenomenon_time < %(end)s
order by phenomenon_time;

-- name: series_thinned
-- The observations of a span in buckets: mean, lowest, highest, and the worst quality.
select time_bucket(%(width)s::interval, phenomenon_time) as time, avg(result) as result, max(quality) as quality,
       min(result) as low, max(result) as high, count(*) as count
from observation
where datastream = %(id)s and phenomenon_time >= %(start)s and phenomenon_time < %(end)s
group by 1
order by 1;

-- name: anomalies
-- Anomalies, the newest first.
select * from anomalies
where (%(datastream)s::bigint is null or datastream = %(datastream)s)
  and (not %(open_only)s or ends_at is null)
  and (%(kind)s::text is null or kind = %(kind)s)
  and (%(start)s::timestamptz is null or coalesce(ends_at, 'infinity') >= %(start)s)
  and (%(end)s::timestamptz is null or starts_at < %(end)s)
order by detected_at desc, id
limit %(limit)s;

-- name: alerts
-- Alerts, the newest first.
select * from alerts
where (%(status)s::text is null or status = %(status)s)
  and (%(kind)s::text is null or kind = %(kind)s)
order by opened_at desc, id
limit %(limit)s;

-- name: reject_groups
-- Rejects by reason and shape of topic.
select id, reason, sensor_type, shape, count, observations, first_received_at, last_received_at
from reject_group order by last_received_at desc limit 500;

-- name: reject_samples
-- The latest bytes of a group of rejects.
select topic, payload, payload_size, detail, value_path, received_at
from reject_sample where reject_group = %(id)s order by received_at desc, log_offset desc;

-- name: versions
-- Changes when something was stored.
select (select coalesce(sum(records), 0) from log_progress where topic like '%%observations')::bigint as observations,
       (select coalesce(sum(records), 0) from log_progress where topic like '%%anomalies')::bigint as anomalies,
       (select coalesce(sum(records), 0) from log_progress where topic like '%%alerts')::bigint as alerts,
       (select count(*) from anomaly where ends_at is null) as open_anomalies,
       (select count(*) from alert where status = 'open') as open_alerts;

-- name: create_session
-- Somebody logged in.
insert into session (token_hash, user_name, expires_at) values (%(token)s, %(user)s, now() + interval '12 hours');

-- name: find_session
-- Who this is.
select user_name from session where token_hash = %(token)s and expires_at > now();

-- name: delete_session
-- Logged out; sessions that ended go with it.
delete from session where token_hash = %(token)s or expires_at < now();
