-- name: upsert_agencies
-- Agencies named for the first time.
insert into agency (name) select unnest(%(agencies)s::text[]) on conflict do nothing;

-- name: upsert_things
-- Things, and where each is since when; of those whose identity belongs to other names nothing comes back.
with came as (
    select * from unnest(%(id)s::bigint[], %(agency)s::text[], %(name)s::text[], %(zone)s::text[],
                         %(partition)s::integer[], %(clock)s::text[], %(longitude)s::float8[], %(latitude)s::float8[],
                         %(title)s::text[], %(since)s::timestamptz[])
        as c (id, agency, name, zone, partition, clock, longitude, latitude, title, since)
), kept as (
    insert into thing as old (id, agency, name, zone, partition, clock, longitude, latitude, title)
    select id, agency, name, zone, partition, clock, longitude, latitude, title from came
    on conflict (id) do update set
        zone = excluded.zone, clock = excluded.clock, title = excluded.title,
        longitude = coalesce(excluded.longitude, old.longitude), latitude = coalesce(excluded.latitude, old.latitude)
    where old.agency = excluded.agency and old.name = excluded.name
    returning id
), moved as (
    insert into historical_location as old (thing, since, zone, longitude, latitude)
    select id, since, zone, longitude, latitude from came join kept using (id) where since is not null
    on conflict (thing, since) do update set
        zone = excluded.zone, longitude = excluded.longitude, latitude = excluded.latitude
    where (old.zone, old.longitude, old.latitude)
        is distinct from (excluded.zone, excluded.longitude, excluded.latitude)
)
select id from kept;

-- name: upsert_datastreams
-- Datastreams; of those whose identity belongs to other names, or whose unit is another one, nothing comes back.
insert into datastream as old (id, thing, name, observed_property, unit, sensor_type, sensor_version, interval_us)
select * from unnest(%(id)s::bigint[], %(thing)s::bigint[], %(name)s::text[], %(observed_property)s::text[],
                     %(unit)s::text[], %(sensor_type)s::text[], %(sensor_version)s::integer[], %(interval)s::bigint[])
on conflict (id) do update set
    sensor_type = excluded.sensor_type, sensor_version = excluded.sensor_version, interval_us = excluded.interval_us
where old.thing = excluded.thing and old.name = excluded.name and old.unit = excluded.unit
returning id;

-- name: known_datastreams
-- Which of these identities are declared.
select id from datastream where id = any(%(ids)s);

-- name: sensor_id
-- The number of a sensor type's version.
insert into sensor (name, version) values (%(name)s, %(version)s)
on conflict (name, version) do update set name = excluded.name
returning id;

-- name: unit_of
-- The unit of a Datastream that is stored under its own name.
select unit from datastream where id = %(id)s and name = %(name)s;

-- name: refuse
-- Why the observations that a process sends under an identity are not stored.
insert into refused_declaration (process, datastream, why) values (%(process)s, %(datastream)s, %(why)s)
on conflict (process, datastream) do update set why = excluded.why;

-- name: forgive
-- The process has declared it anew, and well.
delete from refused_declaration where process = %(process)s and datastream = %(datastream)s;

-- name: refused_before
-- What was refused of a process.
select datastream, why from refused_declaration where process = %(process)s;
