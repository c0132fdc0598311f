-- Every bid, its price in euros.
CREATE SINK q1 AS
SELECT auction, bidder, 0.908 * price AS price, date_time, extra FROM bid
WITH (connector = 'blackhole');
