-- The same five inputs as topics of a Kafka broker: run before job.sql, whose CREATE SOURCE IF NOT EXISTS then leaves these.
-- By hand: psql ... -v broker=localhost:9092 -f examples/flights/topics.sql

CREATE SOURCE IF NOT EXISTS airlines (carrier varchar, name varchar)
WITH (connector = 'kafka', topic = 'airlines', properties.bootstrap.server = :'broker')
FORMAT PLAIN ENCODE CSV (null = 'NA');

CREATE SOURCE IF NOT EXISTS airports (
  faa varchar, name varchar, lat double precision, lon double precision, alt integer, tz integer,
  dst varchar, tzone varchar
) WITH (connector = 'kafka', topic = 'airports', properties.bootstrap.server = :'broker')
FORMAT PLAIN ENCODE CSV (null = 'NA');

CREATE SOURCE IF NOT EXISTS planes (
  tailnum varchar, year integer, type varchar, manufacturer varchar, model varchar, engines integer,
  seats integer, speed integer, engine varchar
) WITH (connector = 'kafka', topic = 'planes', properties.bootstrap.server = :'broker')
FORMAT PLAIN ENCODE CSV (null = 'NA');

CREATE SOURCE IF NOT EXISTS weather (
  origin varchar, time_hour timestamp, temp double precision, wind_speed double precision,
  precip double precision, visib double precision
) WITH (connector = 'kafka', topic = 'weather', properties.bootstrap.server = :'broker')
FORMAT PLAIN ENCODE JSON;

-- Four partitions; whoever produces keeps the pace, not the source.
CREATE SOURCE IF NOT EXISTS flights (
  event_time timestamp, scheduled_at timestamp, departed_at timestamp, carrier varchar, flight integer,
  tailnum varchar, origin varchar, dest varchar, dep_delay integer, arr_delay integer,
  distance integer, cancelled boolean
) WITH (connector = 'kafka', topic = 'flights', properties.bootstrap.server = :'broker')
FORMAT PLAIN ENCODE JSON;
