SELECT bidder, count(*), min(date_time), max(date_time) + interval '10 seconds'
FROM (SELECT bidder, date_time, count(*) FILTER (WHERE opens) OVER (PARTITION BY bidder ORDER BY date_time) AS session
      FROM (SELECT bidder, date_time,
                   date_time - lag(date_time) OVER (PARTITION BY bidder ORDER BY date_time) > interval '10 seconds' AS opens
            FROM bid) AS marked) AS numbered
GROUP BY bidder, session
