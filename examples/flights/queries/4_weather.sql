-- What the weather does
SELECT weather, flights, cancelled, round(100.0 * cancelled / flights, 1) AS percent_cancelled,
       average_delay
FROM delay_by_weather ORDER BY average_delay DESC;
