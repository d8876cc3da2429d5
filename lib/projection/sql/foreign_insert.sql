-- Records that are not ours. The same record read again is the same letter.
insert into dead_letters
    (projection, generation, topic, partition, kafka_offset, kind, digest, key, value, value_bytes,
     headers, class, code, message, attempts)
select $1, $2, q.topic, q.partition, q.kafka_offset, 'record', q.digest, q.key, q.value,
    q.value_bytes, q.headers, 'poison.foreign', 'foreign', q.message, 1
from unnest($3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::bytea[], $8::bytea[],
    $9::bigint[], $10::json[], $11::text[])
    as q (topic, partition, kafka_offset, digest, key, value, value_bytes, headers, message)
on conflict (projection, generation, topic, partition, kafka_offset, digest) where kind = 'record'
    do nothing
