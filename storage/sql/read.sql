-- name: city
-- Every Thing with what is open on it, or those of a zone, an agency, a search; after a Thing, and only so many.
-- `silent`: it has not spoken for three of its intervals, by the wall clock or, for recorded data, by its zone's newest.
select t.id, t.agency, t.name, t.zone, t.longitude, t.latitude, d.datastreams, d.last_time,
       coalesce(d.last_time < case when t.clock = 'data' then z.newest else now() end - 3 * d.spacing, true) as silent,
       coalesce(a.anomalies, 0) as open_anomalies, coalesce(l.alerts, 0) as open_alerts, l.severity
from thing t
join (select thing, count(*) as datastreams, max(last_time) as last_time,
             min(interval_us) * interval '1 microsecond' as spacing
      from datastream group by thing) d on d.thing = t.id
join (select t.agency, t.zone, max(d.last_time) as newest
      from datastream d join thing t on t.id = d.thing group by t.agency, t.zone) z
    on z.agency = t.agency and z.zone = t.zone
left join (select d.thing, count(*) as anomalies from anomaly a join datastream d on d.id = a.datastream
           where a.ends_at is null group by d.thing) a on a.thing = t.id
left join (select d.thing, count(*) as alerts,
                  (array_agg(a.severity order by array_position(array['critical', 'major', 'minor', 'notice'], a.severity)))[1]
                      as severity
           from alert a join datastream d on d.id = a.datastream where a.status = 'open' group by d.thing) l
    on l.thing = t.id
where (%(agency)s::text is null or t.agency = %(agency)s)
  and (%(zone)s::text is null or t.zone = %(zone)s)
  and (%(search)s::text is null or strpos(lower(t.name || ' ' || t.zone), lower(%(search)s)) > 0)
  and (%(after)s::bigint is null
       or (t.agency, t.zone, t.name) > (select k.agency, k.zone, k.name from thing k where k.id = %(after)s))
order by t.agency, t.zone, t.name
limit %(limit)s;

-- name: thing
-- One Thing.
select id, agency, name, zone, partition, longitude, latitude from thing where id = %(id)s;

-- name: agencies
-- The names of all agencies.
select name from agency order by name;

-- name: datastreams
-- The Datastreams of a Thing with their newest observation and what is open on them.
select d.id, d.name, d.observed_property, d.unit, d.sensor_type, d.sensor_version, d.interval_us, d.last_time,
       d.last_result, d.last_quality,
       coalesce(d.last_time < case when t.clock = 'data' then z.newest else now() end
                - 3 * d.interval_us * interval '1 microsecond', true) as silent,
       a.kind as open_kind, a.explanation, a.severity
from datastream d
join thing t on t.id = d.thing
cross join lateral (select max(o.last_time) as newest from datastream o join thing n on n.id = o.thing
                    where n.agency = t.agency and n.zone = t.zone) z
left join lateral (select kind, explanation, severity from anomaly
                   where datastream = d.id and ends_at is null order by detected_at desc limit 1) a on true
where d.thing = %(id)s
order by d.name;

-- name: sparklines
-- The Datastreams of a Thing, each in at most about 96 buckets of a span; by default its newest 96 intervals.
-- Results that failed a test are left out.
select d.id as datastream, time_bucket(w.width, o.phenomenon_time) as time,
       avg(o.result) filter (where o.quality <> 4) as result
from datastream d
cross join lateral (select d.interval_us * interval '1 microsecond' as spacing) s
cross join lateral (select coalesce(%(end)s::timestamptz, d.last_time + s.spacing) as until) u
cross join lateral (select coalesce(%(start)s::timestamptz, u.until - 96 * s.spacing) as since) v
cross join lateral (select greatest(s.spacing, (u.until - v.since) / 96) as width) w
join observation o on o.datastream = d.id and o.phenomenon_time >= v.since and o.phenomenon_time < u.until
where d.thing = %(id)s
group by 1, 2
order by 1, 2;

-- name: datastream
-- One Datastream; `clock_time` is now by its clock, the wall's or, for recorded data, its zone's newest time.
select d.id, d.name, d.observed_property, d.unit, d.sensor_type, d.sensor_version, d.interval_us, d.last_time,
       d.last_result, d.last_quality, t.id as thing_id, t.name as thing, t.agency, t.zone,
       c.clock_time, coalesce(d.last_time < c.clock_time - 3 * d.interval_us * interval '1 microsecond', true) as silent
from datastream d
join thing t on t.id = d.thing
cross join lateral (select max(o.last_time) as newest from datastream o join thing n on n.id = o.thing
                    where n.agency = t.agency and n.zone = t.zone) z
cross join lateral (select case when t.clock = 'data' then z.newest else now() end as clock_time) c
where d.id = %(id)s;

-- name: count_series
-- How many observations lie in a span.
select count(*) as observations from observation
where datastream = %(id)s and phenomenon_time >= %(start)s and phenomenon_time < %(end)s;

-- name: series
-- The observations of a span as they are.
select phenomenon_time as time, result, quality, result as low, result as high, 1 as count,
       case when quality = 4 then result end as failed
from observation
where datastream = %(id)s and phenomenon_time >= %(start)s and phenomenon_time < %(end)s
order by phenomenon_time;

-- name: series_thinned
-- The observations of a span in buckets: mean, lowest, highest of those that did not fail a test, the worst quality,
-- and the highest of those that failed.
select time_bucket(%(width)s::interval, phenomenon_time) as time, avg(result) filter (where quality <> 4) as result,
       max(quality) as quality, min(result) filter (where quality <> 4) as low,
       max(result) filter (where quality <> 4) as high, count(*) as count,
       max(result) filter (where quality = 4) as failed
from observation
where datastream = %(id)s and phenomenon_time >= %(start)s and phenomenon_time < %(end)s
group by 1
order by 1;

-- name: anomalies
-- Anomalies, the newest first; those after the one of identity `before`.
select a.*, d.interval_us from anomalies a
join datastream d on d.id = a.datastream
left join anomaly k on k.id = %(before)s
where (%(datastream)s::bigint is null or a.datastream = %(datastream)s)
  and (not %(open_only)s or a.ends_at is null)
  and (not %(ended_only)s or a.ends_at is not null)
  and (%(kind)s::text is null or a.kind = %(kind)s)
  and (%(agency)s::text is null or a.agency = %(agency)s)
  and (%(start)s::timestamptz is null or coalesce(a.ends_at, 'infinity') >= %(start)s)
  and (%(end)s::timestamptz is null or a.starts_at < %(end)s)
  and a.detected_at <= coalesce(k.detected_at, 'infinity')
  and (k.id is null or a.detected_at < k.detected_at or a.id > k.id)
order by a.detected_at desc, a.id
limit %(limit)s;

-- name: alerts
-- Alerts, the newest first; those after the one of identity `before`.
select a.*, d.interval_us, d.unit from alerts a
join datastream d on d.id = a.datastream
left join alert k on k.id = %(before)s
where (%(status)s::text is null or a.status = %(status)s)
  and (%(kind)s::text is null or a.kind = %(kind)s)
  and (%(agency)s::text is null or a.agency = %(agency)s)
  and a.opened_at <= coalesce(k.opened_at, 'infinity')
  and (k.id is null or a.opened_at < k.opened_at or a.id > k.id)
order by a.opened_at desc, a.id
limit %(limit)s;

-- name: versions
-- Changes when something was stored.
select (select coalesce(sum(records), 0) from log_progress where topic like '%%observations')::bigint as observations,
       (select coalesce(sum(records), 0) from log_progress where topic like '%%anomalies')::bigint as anomalies,
       (select coalesce(sum(records), 0) from log_progress where topic like '%%alerts')::bigint as alerts,
       (select coalesce(sum(records), 0) from log_progress where topic like '%%rejects')::bigint as rejects,
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

-- name: types
-- What came by each sensor type: Things and Datastreams, Observations of the last full hour, rejects.
with hour as (
    select d.sensor_type as name, sum(r.count) as observations
    from rollup_hour r join datastream d on d.id = r.datastream
    where r.hour = date_trunc('hour', now()) - interval '1 hour' group by 1
), stream as (
    select sensor_type as name, count(distinct thing) as things, count(*) as datastreams, max(last_time) as last_time
    from datastream group by 1
), refused as (
    select sensor_type as name, sum(count) as rejects from reject_group where sensor_type is not null group by 1
)
select name, coalesce(things, 0) as things, coalesce(datastreams, 0) as datastreams, last_time,
       coalesce(observations, 0)::bigint as observations_of_hour, coalesce(rejects, 0)::bigint as rejects
from stream full join hour using (name) full join refused using (name) order by name;
