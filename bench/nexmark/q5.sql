-- Per window of 10 seconds, every 2 seconds, the auctions with the most bids.
CREATE MATERIALIZED VIEW q5 AS
WITH counted AS (
  SELECT auction, window_start, count(*) AS num
  FROM HOP(bid, date_time, INTERVAL '2' SECOND, INTERVAL '10' SECOND)
  GROUP BY auction, window_start)
SELECT c.auction, c.num
FROM counted AS c
JOIN (SELECT window_start, max(num) AS most FROM counted GROUP BY window_start) AS m
  ON c.window_start = m.window_start AND c.num = m.most;
