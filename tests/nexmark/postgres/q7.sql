SELECT b.auction, b.bidder, b.price, b.date_time, b.extra
FROM bid AS b
JOIN (SELECT max(price) AS price, date_bin('10 seconds', date_time, '2000-01-01') + interval '10 seconds' AS window_end
      FROM bid GROUP BY window_end) AS m ON b.price = m.price
WHERE b.date_time BETWEEN m.window_end - interval '10 seconds' AND m.window_end
