-- Worst hours at an airport, of those with at least ten departures
SELECT origin, hour, flights, cancelled, average_delay, longest_delay
FROM delay_by_airport_and_hour WHERE flights >= 10 AND average_delay IS NOT NULL
ORDER BY average_delay DESC, hour, origin LIMIT 12;
