-- A finding may be about a Datastream, a Thing or a zone, and says why.

-- `thing` is the Thing's identity, null for a zone; names, zone and unit are as they were told, for what the tables may
-- not know: a Thing that has not spoken, the Datastreams of one name in a zone.
alter table anomaly
    alter column datastream drop not null,
    add column scope text not null default 'datastream' check (scope in ('datastream', 'thing', 'zone')),
    add column subject bigint,
    add column thing bigint,
    add column thing_name text,
    add column name text,
    add column zone text,
    add column unit text,
    add column evidence jsonb not null default '[]',
    add column facts jsonb not null default '{}',
    add column explanation_zh text not null default '';

alter table alert
    alter column datastream drop not null,
    add column scope text not null default 'datastream' check (scope in ('datastream', 'thing', 'zone')),
    add column subject bigint,
    add column thing bigint,
    add column thing_name text,
    add column name text,
    add column zone text,
    add column evidence jsonb not null default '[]',
    add column facts jsonb not null default '{}',
    add column summary_zh text not null default '';

update anomaly a set subject = a.datastream, thing = d.thing from datastream d where d.id = a.datastream;
update alert a set subject = a.datastream, thing = d.thing from datastream d where d.id = a.datastream;

-- What was found on a Thing and its Datastreams, and on a zone.
create index anomaly_by_thing on anomaly (thing, detected_at desc);
create index alert_by_thing on alert (thing, opened_at desc);
create index anomaly_of_zone on anomaly (agency, zone, detected_at desc) where scope = 'zone';
drop index alert_by_datastream;

create or replace view anomalies with (security_barrier) as
select a.id, a.datastream, a.agency, coalesce(t.name, a.thing_name) as thing, coalesce(d.name, a.name) as name,
       d.observed_property, coalesce(d.unit, a.unit) as unit, coalesce(t.zone, a.zone) as zone, a.kind, a.detector,
       a.severity, a.starts_at, a.detected_at, a.ends_at, a.score, a.result, a.expected_low, a.expected_high,
       a.explanation, coalesce(t.title, '') as title, a.scope, coalesce(a.subject, a.datastream) as subject,
       a.thing as thing_id, a.evidence, a.facts, a.explanation_zh
from anomaly a
left join datastream d on d.id = a.datastream
left join thing t on t.id = coalesce(a.thing, d.thing);

create or replace view alerts with (security_barrier) as
select a.id, a.key, a.status, a.severity, a.agency, coalesce(t.name, a.thing_name) as thing,
       coalesce(d.name, a.name) as name, a.datastream, coalesce(t.zone, a.zone) as zone, a.kind, a.opened_at,
       a.resolved_at, a.anomalies, a.summary, a.historic, coalesce(t.title, '') as title, a.scope,
       coalesce(a.subject, a.datastream) as subject, a.thing as thing_id, a.evidence, a.facts,
       a.summary_zh
from alert a
left join datastream d on d.id = a.datastream
left join thing t on t.id = coalesce(a.thing, d.thing);
