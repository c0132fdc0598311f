-- Bids per bidder and window of 10 seconds of the clock. Not repeatable.
CREATE VIEW clocked_bid AS SELECT bidder, p FROM nexmark WHERE event_type = 2;
CREATE MATERIALIZED VIEW q12 AS
SELECT bidder, count(*) AS bid_count, window_start AS start_time, window_end AS end_time
FROM TABLE(TUMBLE(TABLE clocked_bid, DESCRIPTOR(p), INTERVAL '10' SECOND))
GROUP BY bidder, window_start, window_end;
