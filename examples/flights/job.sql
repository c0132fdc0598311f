-- Departures from New York in 2013, replayed in event time: sources and the views over them.
-- Run by scripts/demo; by hand: psql ... -v folder=$PWD/.deps/flights -v speed=max -f examples/flights/job.sql
-- Every statement may be repeated: what exists stays, and goes on where it was.

\set flights_path :folder/flights.jsonl
\set weather_path :folder/weather.jsonl
\set airlines_path :folder/airlines.csv
\set airports_path :folder/airports.csv
\set planes_path :folder/planes.csv

-- What is read ----------------------------------------------------------------------------------

CREATE SOURCE IF NOT EXISTS airlines (carrier varchar, name varchar)
WITH (connector = 'file', path = :'airlines_path')
FORMAT PLAIN ENCODE CSV (header = 'true', null = 'NA');

CREATE SOURCE IF NOT EXISTS airports (
  faa varchar, name varchar, lat double precision, lon double precision, alt integer, tz integer,
  dst varchar, tzone varchar
) WITH (connector = 'file', path = :'airports_path')
FORMAT PLAIN ENCODE CSV (header = 'true', null = 'NA');

CREATE SOURCE IF NOT EXISTS planes (
  tailnum varchar, year integer, type varchar, manufacturer varchar, model varchar, engines integer,
  seats integer, speed integer, engine varchar
) WITH (connector = 'file', path = :'planes_path')
FORMAT PLAIN ENCODE CSV (header = 'true', null = 'NA');

-- One row for each airport and hour.
CREATE SOURCE IF NOT EXISTS weather (
  origin varchar, time_hour timestamp, temp double precision, wind_speed double precision,
  precip double precision, visib double precision
) WITH (connector = 'file', path = :'weather_path')
FORMAT PLAIN ENCODE JSON;

-- One row for each departure, in the order of event_time: when it left, or should have left if it was
-- cancelled. replay.speed = '7200' makes two hours of 2013 a second.
CREATE SOURCE IF NOT EXISTS flights (
  event_time timestamp, scheduled_at timestamp, departed_at timestamp, carrier varchar, flight integer,
  tailnum varchar, origin varchar, dest varchar, dep_delay integer, arr_delay integer,
  distance integer, cancelled boolean
) WITH (connector = 'file', path = :'flights_path', replay.column = 'event_time', replay.speed = :'speed')
FORMAT PLAIN ENCODE JSON;

-- What is kept ----------------------------------------------------------------------------------

-- Each departure with its airline, where it goes, and the weather in the hour of its schedule.
CREATE MATERIALIZED VIEW IF NOT EXISTS departures AS
SELECT f.event_time, f.scheduled_at, f.departed_at, f.carrier, f.flight, f.tailnum, a.name AS airline,
       f.origin, f.dest, d.name AS destination, f.dep_delay, f.arr_delay, f.distance, f.cancelled,
       w.temp, w.wind_speed, w.precip, w.visib
FROM flights f
LEFT JOIN airlines a ON a.carrier = f.carrier
LEFT JOIN airports d ON d.faa = f.dest
LEFT JOIN weather w ON w.origin = f.origin AND w.time_hour = date_trunc('hour', f.scheduled_at);

CREATE MATERIALIZED VIEW IF NOT EXISTS delay_by_airport_and_hour AS
SELECT origin, date_trunc('hour', scheduled_at) AS hour, count(*) AS flights,
       count(*) FILTER (WHERE cancelled) AS cancelled,
       round(avg(dep_delay), 1) AS average_delay, max(dep_delay) AS longest_delay
FROM flights
GROUP BY origin, date_trunc('hour', scheduled_at);

-- The last hours of the view above.
CREATE MATERIALIZED VIEW IF NOT EXISTS latest_hours AS
SELECT * FROM delay_by_airport_and_hour ORDER BY hour DESC, origin LIMIT 6;

-- Worst so far; a carrier needs 100 departures to be judged.
CREATE MATERIALIZED VIEW IF NOT EXISTS worst_carriers AS
SELECT airline, count(*) AS flights, count(*) FILTER (WHERE cancelled) AS cancelled,
       round(avg(dep_delay), 1) AS average_delay,
       count(*) FILTER (WHERE dep_delay > 60) AS over_an_hour
FROM departures
GROUP BY airline
HAVING count(dep_delay) >= 100
ORDER BY average_delay DESC, airline
LIMIT 5;

CREATE MATERIALIZED VIEW IF NOT EXISTS delay_by_weather AS
SELECT weather, count(*) AS flights, count(*) FILTER (WHERE cancelled) AS cancelled,
       round(avg(dep_delay), 1) AS average_delay
FROM (
  SELECT cancelled, dep_delay,
         CASE WHEN precip > 0 THEN 'rain or snow'
              WHEN visib < 3 THEN 'fog'
              WHEN wind_speed >= 25 THEN 'strong wind'
              WHEN temp IS NULL THEN 'not known'
              ELSE 'fair' END AS weather
  FROM departures) AS d
GROUP BY weather;

CREATE MATERIALIZED VIEW IF NOT EXISTS delay_by_manufacturer AS
SELECT COALESCE(p.manufacturer, 'not known') AS manufacturer, count(*) AS flights,
       round(avg(f.dep_delay), 1) AS average_delay
FROM flights f LEFT JOIN planes p ON p.tailnum = f.tailnum
GROUP BY COALESCE(p.manufacturer, 'not known');

-- What just happened.
CREATE MATERIALIZED VIEW IF NOT EXISTS latest_departures AS
SELECT event_time, airline, flight, origin, destination, dep_delay, cancelled, temp, wind_speed
FROM departures
ORDER BY event_time DESC, airline, flight, origin
LIMIT 6;

-- How far it has come: the rows read of each source, and the clock of the replay.
CREATE MATERIALIZED VIEW IF NOT EXISTS progress AS
SELECT 'flights' AS source, count(*) AS records, max(event_time) AS clock FROM flights
UNION ALL SELECT 'weather', count(*), max(time_hour) FROM weather
UNION ALL SELECT 'airlines', count(*), CAST(NULL AS timestamp) FROM airlines
UNION ALL SELECT 'airports', count(*), CAST(NULL AS timestamp) FROM airports
UNION ALL SELECT 'planes', count(*), CAST(NULL AS timestamp) FROM planes;
