-- Bids with the number of their channel, where it is known or in the url.
CREATE SINK q21 AS
SELECT auction, bidder, price, channel,
       CASE lower(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1' WHEN 'facebook' THEN '2' WHEN 'baidu' THEN '3'
            ELSE substring(url FROM '[&?]channel_id=([^&]*)') END AS channel_id
FROM bid
WHERE lower(channel) IN ('apple', 'google', 'facebook', 'baidu') OR substring(url FROM '[&?]channel_id=([^&]*)') IS NOT NULL
WITH (connector = 'blackhole');
