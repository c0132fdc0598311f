-- Bids with their bidder and all that this person sells.
CREATE MATERIALIZED VIEW q23 AS
SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.date_time AS bid_date_time, b.extra AS bid_extra,
       p.id AS person, p.name, p.email_address, p.credit_card, p.city, p.state, p.date_time AS person_date_time, p.extra AS person_extra,
       a.id, a.item_name, a.description, a.initial_bid, a.reserve, a.date_time, a.expires, a.seller, a.category, a.extra
FROM bid AS b JOIN person AS p ON b.bidder = p.id JOIN auction AS a ON a.seller = p.id;
