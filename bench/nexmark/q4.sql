-- Per category the average of the auctions' highest valid bids.
CREATE MATERIALIZED VIEW q4 AS
SELECT category, trunc(avg(final))::bigint AS average
FROM (SELECT a.id, a.category, max(b.price) AS final
      FROM auction AS a JOIN bid AS b ON a.id = b.auction
      WHERE b.date_time BETWEEN a.date_time AND a.expires
      GROUP BY a.id, a.category) AS winning
GROUP BY category;
