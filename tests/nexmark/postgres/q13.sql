SELECT b.auction, b.bidder, b.price, b.date_time, s.value
FROM bid AS b JOIN (SELECT i AS key, i::text AS value FROM generate_series(0, 9999) AS s(i)) AS s ON mod(b.auction, 10000) = s.key
