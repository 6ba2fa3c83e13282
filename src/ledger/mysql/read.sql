-- Read: what a batch of requests needs to know before it may take slots, of one snapshot.
--
-- Every question is a branch of one UNION ALL, each bound to its own index: one condition with OR over two indexes makes
-- MySQL read the whole campaign. A batch takes along only the branches that it has something to ask of.
-- Each `?` is a JSON array of any length, so that the text stays the same and stays prepared. The charsets are those of
-- the tables: with another one the keys would be converted row by row, and no index would serve.
-- STRAIGHT_JOIN and FORCE INDEX, because statistics of a campaign that has just begun are wrong.
--
-- Answer, in any order: kind 0 the clock in time_a · 1 a campaign: created, started, ends in time_a..c · 2 a coupon:
-- issued in time_a. Times are milliseconds since 1970, keys lower-case hex digits.

-- branch: clock
SELECT 0 AS kind, NULL AS campaign_id, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000 AS time_a,
       NULL AS time_b, NULL AS time_c, NULL AS number, NULL AS paused, NULL AS recipient_required, NULL AS code_format,
       NULL AS coupon_code, NULL AS request_key, NULL AS recipient, NULL AS recipient_key, NULL AS version

-- branch: campaigns ["id", …]
SELECT 1, c.id, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', c.created_at) DIV 1000,
       TIMESTAMPDIFF(MICROSECOND, '1970-01-01', c.start_time) DIV 1000,
       TIMESTAMPDIFF(MICROSECOND, '1970-01-01', c.end_time) DIV 1000,
       c.total_coupons, c.paused, c.recipient_required, c.code_format, NULL, NULL, NULL, NULL, c.version
  FROM JSON_TABLE(?, '$[*]' COLUMNS (id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) v
  STRAIGHT_JOIN campaigns c FORCE INDEX (PRIMARY) ON c.id = v.id

-- branch: requests [["campaign", "key"], …]
SELECT 2, cp.campaign_id, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', cp.issued_at) DIV 1000, NULL, NULL,
       cp.slot, NULL, NULL, NULL, cp.coupon_code, LOWER(HEX(cp.request_key)), cp.recipient, LOWER(HEX(cp.recipient_key)), NULL
  FROM JSON_TABLE(?, '$[*]' COLUMNS (campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
                                     hex VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]')) v
  STRAIGHT_JOIN coupons cp FORCE INDEX (coupons_request)
             ON cp.campaign_id = v.campaign_id AND cp.request_key = UNHEX(v.hex)

-- branch: recipients [["campaign", "key"], …]
SELECT 2, cp.campaign_id, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', cp.issued_at) DIV 1000, NULL, NULL,
       cp.slot, NULL, NULL, NULL, cp.coupon_code, LOWER(HEX(cp.request_key)), cp.recipient, LOWER(HEX(cp.recipient_key)), NULL
  FROM JSON_TABLE(?, '$[*]' COLUMNS (campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
                                     hex VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]')) v
  STRAIGHT_JOIN coupons cp FORCE INDEX (coupons_recipient)
             ON cp.campaign_id = v.campaign_id AND cp.recipient_key = UNHEX(v.hex)

-- branch: slots [["campaign", slot], …]
SELECT 2, cp.campaign_id, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', cp.issued_at) DIV 1000, NULL, NULL,
       cp.slot, NULL, NULL, NULL, cp.coupon_code, LOWER(HEX(cp.request_key)), cp.recipient, LOWER(HEX(cp.recipient_key)), NULL
  FROM JSON_TABLE(?, '$[*]' COLUMNS (campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
                                     slot INT PATH '$[1]')) v
  STRAIGHT_JOIN coupons cp FORCE INDEX (coupons_slot) ON cp.campaign_id = v.campaign_id AND cp.slot = v.slot
