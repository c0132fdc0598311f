-- Bids per bidder and window of 10 seconds of the clock. Not repeatable.
CREATE MATERIALIZED VIEW q12 AS
SELECT bidder, count(*) AS bid_count, window_start AS start_time, window_end AS end_time
FROM TUMBLE((SELECT bidder, proctime() AS clock FROM bid), clock, INTERVAL '10' SECOND)
GROUP BY bidder, window_start, window_end;
