-- Every version of every sensor type that ever was, as the log tells them.
create table sensor_type (
    name text not null,
    version integer not null,
    title text not null,
    topic text not null,
    text text not null,
    in_force boolean not null,
    applied_at timestamptz,
    applied_by text not null,
    note text not null,
    primary key (name, version)
);
create unique index sensor_type_in_force on sensor_type (name) where in_force;

create view sensor_types with (security_barrier) as
select name, version, in_force, title, topic, text, applied_at, applied_by, note from sensor_type;

create index datastream_by_sensor_type on datastream (sensor_type);
