-- name: city
-- Every Thing with what is open on it, or those of a zone, an agency, a search; after a Thing, and only so many.
-- `silent`: it has not spoken for three of its intervals, by the wall clock or, for recorded data, by its zone's newest.
select t.id, t.agency, t.name, t.title, t.zone, t.longitude, t.latitude, d.datastreams, d.last_time,
       coalesce(d.last_time < case when t.clock = 'data' then z.newest else now() end - 3 * d.spacing, true) as silent,
       coalesce(a.anomalies, 0) as open_anomalies, coalesce(l.alerts, 0) as open_alerts, l.severity
from thing t
join (select thing, count(*) as datastreams, max(last_time) as last_time,
             min(interval_us) * interval '1 microsecond' as spacing
      from datastream group by thing) d on d.thing = t.id
join (select t.agency, t.zone, max(d.last_time) as newest
      from datastream d join thing t on t.id = d.thing group by t.agency, t.zone) z
    on z.agency = t.agency and z.zone = t.zone
left join (select thing, count(*) as anomalies from anomaly where ends_at is null group by thing) a on a.thing = t.id
left join (select thing, count(*) as alerts,
                  (array_agg(severity order by array_position(array['critical', 'major', 'minor', 'notice'], severity)))[1]
                      as severity
           from alert where status = 'open' group by thing) l
    on l.thing = t.id
where (%(agency)s::text is null or t.agency = %(agency)s)
  and (%(zone)s::text is null or t.zone = %(zone)s)
  and (%(search)s::text is null or strpos(lower(t.name || ' ' || t.zone || ' ' || t.title), lower(%(search)s)) > 0)
  and (%(after)s::bigint is null
       or (t.agency, t.zone, t.name) > (select k.agency, k.zone, k.name from thing k where k.id = %(after)s))
order by t.agency, t.zone, t.name
limit %(limit)s;

-- name: open_alerts_of_zones
-- What is open on zones as such, and on none of their Things: how many, and the worst.
select agency, zone, count(*) as alerts,
       (array_agg(severity order by array_position(array['critical', 'major', 'minor', 'notice'], severity)))[1] as severity
from alert where status = 'open' and scope = 'zone' group by agency, zone;

-- name: thing
-- One Thing; `clock_time` is now by its clock, the wall's or, for recorded data, its zone's newest time.
select t.id, t.agency, t.name, t.title, t.zone, t.partition, t.longitude, t.latitude, c.clock_time
from thing t
cross join lateral (select max(o.last_time) as newest from datastream o join thing n on n.id = o.thing
                    where n.agency = t.agency and n.zone = t.zone) z
cross join lateral (select case when t.clock = 'data' then z.newest else now() end as clock_time) c
where t.id = %(id)s;

-- name: places
-- Where a Thing is and was, the latest first.
select since, zone, longitude, latitude from historical_location where thing = %(id)s order by since desc limit %(limit)s;

-- name: completeness
-- Of each Datastream of a Thing the Observations with a result that came in spans up to a time, and how many were
-- expected by its interval, from the Thing's first word on. Whole hours are taken from the rollups, the newest and the
-- oldest part of an hour from the observations.
select d.id as datastream, w.hours, n.expected, least(n.expected, r.came + e.came) as came
from datastream d
cross join unnest(%(hours)s::integer[]) as w (hours)
cross join lateral (select greatest(%(until)s::timestamptz - w.hours * interval '1 hour',
                                    (select min(since) from historical_location where thing = d.thing)) as since) b
cross join lateral (select time_bucket('1 hour', b.since + interval '59 minutes 59.999999 seconds') as first,
                           time_bucket('1 hour', %(until)s::timestamptz - interval '1 hour') as last) h
cross join lateral (select greatest(1, floor(extract(epoch from %(until)s::timestamptz - b.since) * 1e6 / d.interval_us))::bigint
                           as expected) n
cross join lateral (select coalesce(sum(count), 0)::bigint as came from rollup_hour
                    where datastream = d.id and hour >= h.first and hour < h.last) r
cross join lateral (select count(result) as came from observation
                    where datastream = d.id and phenomenon_time <= %(until)s::timestamptz
                      and (phenomenon_time >= greatest(h.last, b.since)
                           or (phenomenon_time >= b.since and phenomenon_time < least(h.first, h.last)))) e
where d.thing = %(id)s
order by d.name, w.hours;

-- name: doubts
-- Of the newest observations of each Datastream, so many of at most a day, those that are suspect and that failed.
select d.id as datastream, n.seen, n.suspect, n.failed
from datastream d
cross join lateral (select count(*) as seen, count(*) filter (where quality = 3) as suspect,
                           count(*) filter (where quality = 4) as failed
                    from (select quality from observation
                          where datastream = d.id and phenomenon_time > %(until)s::timestamptz - interval '1 day'
                            and phenomenon_time <= %(until)s::timestamptz
                          order by phenomenon_time desc limit %(limit)s) o) n
where d.thing = %(id)s and n.seen > 0;

-- name: open_alerts_of
-- The open alerts of a Thing and of its Datastreams, the worst first.
select a.*, d.interval_us
from alerts a
left join datastream d on d.id = a.datastream
where a.thing_id = %(id)s and a.status = 'open'
order by array_position(array['critical', 'major', 'minor', 'notice'], a.severity), a.opened_at desc
limit %(limit)s;

-- name: agencies
-- The names of all agencies.
select name from agency order by name;

-- name: datastreams
-- The Datastreams of a Thing with their newest observation and what is open on them.
select d.id, d.name, d.observed_property, d.unit, d.sensor_type, d.sensor_version, d.interval_us, d.last_time,
       d.last_result, d.last_quality,
       coalesce(d.last_time < case when t.clock = 'data' then z.newest else now() end
                - 3 * d.interval_us * interval '1 microsecond', true) as silent,
       a.kind as open_kind, a.explanation, a.explanation_zh, a.severity
from datastream d
join thing t on t.id = d.thing
cross join lateral (select max(o.last_time) as newest from datastream o join thing n on n.id = o.thing
                    where n.agency = t.agency and n.zone = t.zone) z
left join lateral (select kind, explanation, explanation_zh, severity from anomaly
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
       d.last_result, d.last_quality, t.id as thing_id, t.name as thing, t.title, t.agency,
       t.zone, c.clock_time, coalesce(d.last_time < c.clock_time - 3 * d.interval_us * interval '1 microsecond', true) as silent
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
       case when quality = 4 then result end as failed, case when quality = 3 then result end as suspect, tests, raw_flag
from observation
where datastream = %(id)s and phenomenon_time >= %(start)s and phenomenon_time < %(end)s
order by phenomenon_time;

-- name: series_thinned
-- The observations of a span in buckets: mean, lowest, highest of those that did not fail a test, the flag that speaks
-- for all (by `precedence`, the last first), the tests that spoke against any, the highest of those that failed and of
-- those that are suspect. A device's flag is shown where all have the same.
select time_bucket(%(width)s::interval, phenomenon_time) as time, avg(result) filter (where quality <> 4) as result,
       (%(precedence)s::smallint[])[max(array_position(%(precedence)s::smallint[], quality))] as quality,
       min(result) filter (where quality <> 4) as low, max(result) filter (where quality <> 4) as high,
       count(*) as count, max(result) filter (where quality = 4) as failed,
       max(result) filter (where quality = 3) as suspect, bit_or(tests) as tests,
       case when count(raw_flag) = count(*) and min(raw_flag) = max(raw_flag) then min(raw_flag) end as raw_flag
from observation
where datastream = %(id)s and phenomenon_time >= %(start)s and phenomenon_time < %(end)s
group by 1
order by 1;

-- name: anomaly
-- One anomaly.
select a.*, d.interval_us from anomalies a left join datastream d on d.id = a.datastream where a.id = %(id)s;

-- name: anomalies
-- Anomalies, the newest first; those after the one of identity `before`.
select a.*, d.interval_us from anomalies a
left join datastream d on d.id = a.datastream
left join anomaly k on k.id = %(before)s
where (%(datastream)s::bigint is null or a.datastream = %(datastream)s
       or %(its_thing)s and a.scope = 'thing' and a.thing_id = (select thing from datastream where id = %(datastream)s))
  and (%(thing)s::bigint is null or a.thing_id = %(thing)s)
  and (%(scope)s::text is null or a.scope = %(scope)s)
  and (%(zone)s::text is null or a.zone = %(zone)s)
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
left join datastream d on d.id = a.datastream
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
