-- Per seller the average winning price of each closed auction and the ten before it. The public query leaves ties of
-- prices open: here the earlier bid wins.
CREATE MATERIALIZED VIEW q6 AS
SELECT seller, trunc(avg(final) OVER (PARTITION BY seller ORDER BY date_time ROWS BETWEEN 10 PRECEDING AND CURRENT ROW))::bigint AS average
FROM (SELECT a.seller, b.price AS final, b.date_time,
             row_number() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.date_time) AS place
      FROM auction AS a JOIN bid AS b ON a.id = b.auction
      WHERE b.date_time BETWEEN a.date_time AND a.expires) AS ranked
WHERE place = 1;
