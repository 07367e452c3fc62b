-- Things have a title and a past, and what quality flags mean can be read in SQL.

alter table thing add column title text not null default '';

-- Where a Thing was, and is: SensorThings' HistoricalLocation. `since` is event time.
create table historical_location (
    thing bigint not null references thing on delete cascade,
    since timestamptz not null,
    zone text not null,
    longitude double precision,
    latitude double precision,
    primary key (thing, since)
);

-- The alerts and anomalies of a Thing's Datastreams, without those of all the others.
create index alert_by_datastream on alert (datastream, opened_at desc);

-- The newest time of a zone, which is the clock of recorded data, without a look at every Thing.
create index thing_by_zone on thing (agency, zone);

-- The same rules as aedilis/quality.py, which says where they come from.
create function quality_word(quality smallint) returns text language sql immutable parallel safe
return case quality when 1 then 'good' when 2 then 'not evaluated' when 3 then 'suspect' when 4 then 'fail'
            when 9 then 'missing' end;

create function tests_said(tests integer) returns text[] language sql immutable parallel safe
return case tests when 0 then '{}'::text[] else array(
    select word
    from unnest(array['location', 'gross range', 'rate of change', 'spike', 'flat line', 'climatology',
                      'attenuated signal', 'gap', 'neighbour', 'sentinel', 'ambiguous time'])
        with ordinality as t (word, place)
    where tests & (1 << (place::integer - 1)) <> 0
    order by place) end;

create function validity(quality smallint, raw_flag text) returns smallint language sql immutable parallel safe
return case when quality = 2 then case when raw_flag is not null then -99 end
            when quality in (1, 3) then 1 else -1 end;

create or replace view observations with (security_barrier) as
select o.datastream, t.agency, t.name as thing, d.name, d.observed_property, d.unit, o.phenomenon_time, o.result,
       o.quality, o.tests, o.raw_flag, s.name as sensor_type, s.version as sensor_version, o.result_time,
       o.ingested_at, o.stored_at, t.title, quality_word(o.quality) as quality_word,
       tests_said(o.tests) as tests_said, validity(o.quality, o.raw_flag) as validity
from observation o
join datastream d on d.id = o.datastream
join thing t on t.id = d.thing
join sensor s on s.id = o.sensor;

create or replace view datastreams with (security_barrier) as
select d.id, t.id as thing_id, t.agency, t.name as thing, t.zone, t.partition, d.name, d.observed_property, d.unit,
       d.sensor_type, d.sensor_version, d.interval_us, t.longitude, t.latitude, d.last_time, d.last_result,
       d.last_quality, t.title
from datastream d
join thing t on t.id = d.thing;

create or replace view anomalies with (security_barrier) as
select a.id, a.datastream, a.agency, t.name as thing, d.name, d.observed_property, d.unit, t.zone, a.kind, a.detector,
       a.severity, a.starts_at, a.detected_at, a.ends_at, a.score, a.result, a.expected_low, a.expected_high,
       a.explanation, t.title
from anomaly a
join datastream d on d.id = a.datastream
join thing t on t.id = d.thing;

create or replace view alerts with (security_barrier) as
select a.id, a.key, a.status, a.severity, a.agency, t.name as thing, d.name, a.datastream, t.zone, a.kind, a.opened_at,
       a.resolved_at, a.anomalies, a.summary, a.historic, t.title
from alert a
join datastream d on d.id = a.datastream
join thing t on t.id = d.thing;
