-- The bids of the highest price in each window of 10 seconds.
CREATE MATERIALIZED VIEW q7 AS
SELECT b.auction, b.bidder, b.price, b.date_time, b.extra
FROM bid AS b
JOIN (SELECT max(price) AS price, window_end
      FROM TUMBLE(bid, date_time, INTERVAL '10' SECOND)
      GROUP BY window_end) AS m ON b.price = m.price
WHERE b.date_time BETWEEN m.window_end - INTERVAL '10' SECOND AND m.window_end;
