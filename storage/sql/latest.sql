-- name: update
-- The newest observation of Datastreams, where it is newer than what is known: a correction has done its own before.
-- `times` are µs since 1970, a result that is no number is missing.
update datastream d set last_time = n.time, last_result = n.result, last_quality = n.quality
from (select id, timestamptz 'epoch' + us * interval '1 microsecond' as time, nullif(result, 'NaN') as result, quality
      from unnest(%(ids)s::bigint[], %(times)s::bigint[], %(results)s::float8[], %(qualities)s::smallint[])
          as u (id, us, result, quality)) n
where d.id = n.id and (d.last_time is null or d.last_time < n.time);

-- name: catch_up
-- The newest stored observation of each Datastream of a partition: who stored it may have died before saying so.
update datastream d set last_time = n.time, last_result = n.result, last_quality = n.quality
from (select d.id, o.phenomenon_time as time, o.result, o.quality
      from thing t
      join datastream d on d.thing = t.id
      cross join lateral (select phenomenon_time, result, quality from observation
                          where datastream = d.id
                            and phenomenon_time >= coalesce(d.last_time, '-infinity'::timestamptz)
                          order by phenomenon_time desc limit 1) o
      where t.partition = %(partition)s) n
where d.id = n.id and (d.last_time is distinct from n.time or d.last_result is distinct from n.result
                       or d.last_quality is distinct from n.quality);

-- name: followed
-- Up to these offsets all of this is done.
update log_progress p set followed_offset = n.next_offset
from unnest(%(topics)s::text[], %(partitions)s::integer[], %(offsets)s::bigint[]) as n (topic, partition, next_offset)
where p.topic = n.topic and p.partition = n.partition and p.followed_offset < n.next_offset;
