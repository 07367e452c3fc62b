-- name: datastreams
-- The Datastreams of a sensor type with their Things as they are now, and the span of what is stored of them.
select d.id, d.name, d.observed_property, d.unit, d.interval_us, t.id as thing, t.agency, t.name as thing_name, t.zone,
       t.longitude, t.latitude
from datastream d
join thing t on t.id = d.thing
where d.sensor_type = %(sensor_type)s and (%(agency)s::text is null or t.agency = %(agency)s)
order by d.id;

-- name: span
-- The first and the last time at which any of some Datastreams has an Observation.
select min(n.first) as first, max(n.last) as last
from unnest(%(ids)s::bigint[]) as d (id)
cross join lateral (select min(phenomenon_time) as first, max(phenomenon_time) as last
                    from observation where datastream = d.id) n;

-- name: observations
-- Observations of some Datastreams in a span, in the order of time; times in µs.
select datastream, (extract(epoch from phenomenon_time) * 1000000)::bigint as time, result, quality, tests
from observation
where datastream = any(%(ids)s) and phenomenon_time >= %(start)s and phenomenon_time < %(end)s
order by phenomenon_time, datastream;
