-- name: upsert_agency
-- An agency named for the first time.
insert into agency (name) values (%(agency)s) on conflict do nothing;

-- name: upsert_thing
-- A Thing; nothing comes back when its identity belongs to other names.
insert into thing as old (id, agency, name, zone, partition, clock, longitude, latitude)
values (%(id)s, %(agency)s, %(name)s, %(zone)s, %(partition)s, %(clock)s, %(longitude)s, %(latitude)s)
on conflict (id) do update set
    zone = excluded.zone, clock = excluded.clock,
    longitude = coalesce(excluded.longitude, old.longitude), latitude = coalesce(excluded.latitude, old.latitude)
where old.agency = excluded.agency and old.name = excluded.name
returning id;

-- name: upsert_datastream
-- A Datastream; nothing comes back when its identity belongs to other names, or its unit is another one.
insert into datastream as old (id, thing, name, observed_property, unit, sensor_type, sensor_version, interval_us)
values (%(id)s, %(thing)s, %(name)s, %(observed_property)s, %(unit)s, %(sensor_type)s, %(sensor_version)s, %(interval)s)
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
