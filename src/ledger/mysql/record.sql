-- Record: inserts the rows that the guard lets pass, all in one statement.
--
-- ?  JSON array of rows [campaign_id, campaign created_at, issued_at, slot, coupon_code, request_key, recipient,
--    recipient_key, campaign version], times as 'YYYY-MM-DD hh:mm:ss.mmm' UTC, keys as 32 hex digits, sorted by
--    (campaign, recipient_key): statements that take their locks in one order run into fewer deadlocks.
--
-- The affected rows say how many stand. A row of which the campaign is gone, another one, changed since, paused, not
-- started, ended or smaller than the slot is left out without a word.
--
-- INSERT … SELECT under REPEATABLE READ holds a share of every campaign row it looks at until it commits: that is what
-- a lock() of the campaign waits for. Charset and FORCE INDEX see to it that these are the campaigns of the batch and no
-- others; without them it is every campaign, and the gap behind the last, where new ones would go.
-- The columns of JSON_TABLE are wider than those of the table: what is too long is refused by the table, whereas a
-- JSON_TABLE column would store NULL (MySQL) or the beginning (MariaDB).

INSERT INTO coupons (campaign_id, coupon_code, issued_at, slot, request_key, recipient, recipient_key)
SELECT c.id, v.coupon_code, v.issued_at, v.slot, UNHEX(v.request_key), v.recipient, UNHEX(v.recipient_key)
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]' ERROR ON ERROR,
         created_at DATETIME(3) PATH '$[1]' ERROR ON ERROR,
         version INT PATH '$[8]' ERROR ON ERROR,
         issued_at DATETIME(3) PATH '$[2]' ERROR ON ERROR,
         slot BIGINT PATH '$[3]' ERROR ON ERROR,
         coupon_code VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[4]' ERROR ON ERROR,
         request_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[5]' ERROR ON ERROR,
         recipient VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[6]' ERROR ON ERROR,
         recipient_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[7]' ERROR ON ERROR)) v
  STRAIGHT_JOIN campaigns c FORCE INDEX (PRIMARY) ON c.id = v.campaign_id AND c.created_at = v.created_at
                                                 AND c.version = v.version
 WHERE c.start_time <= LEAST(v.issued_at, UTC_TIMESTAMP(3))
   AND (c.end_time IS NULL OR c.end_time > GREATEST(v.issued_at, UTC_TIMESTAMP(3)))
   AND NOT c.paused
   AND v.slot BETWEEN 1 AND c.total_coupons

-- A campaign that somebody holds, to change it or on the ledger way, inserts nothing this time and is not waited for: its
-- requests go round again, and neither they nor others hold up a batch meanwhile.

-- in the words of mysql
FOR SHARE OF c SKIP LOCKED

-- in the words of mariadb
LOCK IN SHARE MODE SKIP LOCKED
