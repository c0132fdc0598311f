WITH counted AS (
  SELECT auction, window_start, count(*) AS num
  FROM bid, generate_series(date_bin('2 seconds', date_time, '2000-01-01') - interval '8 seconds',
                            date_bin('2 seconds', date_time, '2000-01-01'), interval '2 seconds') AS w(window_start)
  GROUP BY auction, window_start)
SELECT c.auction, c.num
FROM counted AS c
JOIN (SELECT window_start, max(num) AS most FROM counted GROUP BY window_start) AS m
  ON c.window_start = m.window_start AND c.num = m.most
