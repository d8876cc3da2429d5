-- Positions follow the head's, in the order of the arrays; without a time it is the head's.
insert into events (position, stream_id, version, occurred_at, recorded_at, id, type, data, metadata,
                    correlation_id, causation_id, request_id, traceparent)
select $1::bigint + n, stream_id, version, occurred_at,
       coalesce($2::timestamptz, (select recorded_at from log_head where only_one)), id, type, data, metadata,
       correlation_id, causation_id, request_id, traceparent
  from unnest($3::bigint[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::json[],
              $9::json[], $10::text[], $11::text[], $12::text[], $13::text[])
       with ordinality as q (stream_id, version, occurred_at, id, type, data, metadata,
                             correlation_id, causation_id, request_id, traceparent, n)
