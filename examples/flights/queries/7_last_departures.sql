-- The last departures of the year
SELECT event_time, airline, flight, origin, destination, dep_delay, cancelled, temp, wind_speed
FROM latest_departures ORDER BY event_time DESC, airline, flight, origin;
