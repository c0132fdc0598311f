-- Worst carriers of the year
SELECT airline, flights, cancelled, average_delay, over_an_hour
FROM worst_carriers ORDER BY average_delay DESC, airline;
