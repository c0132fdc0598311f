-- Airports, summed up over all hours
SELECT origin, count(*) AS hours, sum(flights) AS flights, sum(cancelled) AS cancelled,
       max(longest_delay) AS longest_delay
FROM delay_by_airport_and_hour GROUP BY origin ORDER BY origin;
