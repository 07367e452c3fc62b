-- name: lock
-- One writer at a time: each writes all that it knows.
select pg_advisory_xact_lock(%(lock)s);

-- name: none_in_force
-- None is in force but those that are named afterwards.
update sensor_type set in_force = false
where in_force and (name, version) not in (select * from unnest(%(names)s::text[], %(versions)s::integer[]));

-- name: upsert
-- A version as the log tells it.
insert into sensor_type as old (name, version, title, topic, text, in_force, applied_at, applied_by, note)
values (%(name)s, %(version)s, %(title)s, %(topic)s, %(text)s, %(in_force)s, %(applied_at)s, %(applied_by)s, %(note)s)
on conflict (name, version) do update set
    title = excluded.title, topic = excluded.topic, text = excluded.text, in_force = excluded.in_force,
    applied_at = excluded.applied_at, applied_by = excluded.applied_by, note = excluded.note
where (old.title, old.topic, old.text, old.in_force, old.applied_at, old.applied_by, old.note)
    is distinct from (excluded.title, excluded.topic, excluded.text, excluded.in_force, excluded.applied_at,
                      excluded.applied_by, excluded.note);
