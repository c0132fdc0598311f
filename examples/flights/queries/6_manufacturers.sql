-- Manufacturers with a thousand departures
SELECT manufacturer, flights, average_delay
FROM delay_by_manufacturer WHERE flights >= 1000 ORDER BY average_delay DESC, manufacturer;
