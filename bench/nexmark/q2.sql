-- Bids on some auctions.
CREATE SINK q2 AS
SELECT auction, price FROM bid WHERE mod(auction, 123) = 0
WITH (connector = 'blackhole');
