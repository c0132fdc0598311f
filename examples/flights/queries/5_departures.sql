-- Departures, joined to their airline, destination and weather
SELECT count(*) AS departures, count(airline) AS with_airline, count(destination) AS with_destination,
       count(temp) AS with_weather, count(departed_at) AS departed, sum(dep_delay) AS minutes_late
FROM departures;
