-- The events, all kinds in one stream, and a view for each kind. The runners (queries.py) put in ${events}, how many, ${gap_ns}, the event
-- time between two events, and more. The clock, p, is for q12 alone.
CREATE SOURCE nexmark (
    event_type int, id bigint, name text, email_address text, credit_card text, city text, state text,
    item_name text, description text, initial_bid bigint, reserve bigint, expires timestamp, seller bigint, category bigint,
    auction bigint, bidder bigint, price bigint, channel text, url text, date_time timestamp, extra text, p AS PROCTIME(),
    WATERMARK FOR date_time AS date_time - INTERVAL '4 seconds')
  WITH (connector = 'nexmark', nexmark.event.num = ${events}, nexmark.min.event.gap.in.ns = ${gap_ns}${more});
CREATE VIEW person AS
  SELECT id, name, email_address, credit_card, city, state, date_time, extra FROM nexmark WHERE event_type = 0;
CREATE VIEW auction AS
  SELECT id, item_name, description, initial_bid, reserve, date_time, expires, seller, category, extra
  FROM nexmark WHERE event_type = 1;
CREATE VIEW bid AS
  SELECT auction, bidder, price, channel, url, date_time, extra FROM nexmark WHERE event_type = 2;
