-- oldest-program: 1
-- The first tables: campaigns, and the coupons they gave away. For MySQL 8.4 and newer, MariaDB 10.11 and newer.
-- Every statement may be run again: a migration that broke off half-way is simply repeated.

CREATE TABLE IF NOT EXISTS campaigns (
  id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(255) NOT NULL,
  start_time DATETIME(3) NOT NULL,                     -- all times are UTC
  total_coupons INT NOT NULL,
  end_time DATETIME(3) NULL,                           -- exclusive; NULL: no end
  paused TINYINT NOT NULL DEFAULT 0,
  recipient_required TINYINT NOT NULL DEFAULT 0,
  test TINYINT NOT NULL DEFAULT 0,
  code_format VARCHAR(255) NOT NULL,                   -- JSON {alphabet, length, prefix}
  metadata MEDIUMTEXT NOT NULL,                        -- JSON object, kept as text: the type JSON would re-order its keys
  version INT NOT NULL DEFAULT 1,                      -- counts changes
  sold_out_total INT NULL,                             -- the total at which it was last proved sold out: a hint for lists
  created_at DATETIME(3) NOT NULL,                     -- with the id: what a campaign is
  updated_at DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  KEY campaigns_newest (created_at, id),
  CONSTRAINT campaigns_total CHECK (total_coupons >= 1)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Every unique key begins with campaign_id: partitioning by campaign needs the primary key widened, and nothing else.
-- No foreign key: it would lock the campaign a second time, and partitioned tables cannot have one.
CREATE TABLE IF NOT EXISTS coupons (
  id BIGINT NOT NULL AUTO_INCREMENT,
  campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  coupon_code VARCHAR(64) NOT NULL,                    -- canonical: upper case, no separators
  issued_at DATETIME(3) NOT NULL,
  slot INT NOT NULL,                                   -- 1..total_coupons: its number in the campaign
  request_key BINARY(16) NOT NULL,
  recipient VARCHAR(255) NULL,
  recipient_key BINARY(16) NULL,                       -- a hash of the recipient
  PRIMARY KEY (id),
  UNIQUE KEY coupons_code (campaign_id, coupon_code),
  UNIQUE KEY coupons_slot (campaign_id, slot),
  UNIQUE KEY coupons_request (campaign_id, request_key),
  UNIQUE KEY coupons_recipient (campaign_id, recipient_key),
  CONSTRAINT coupons_slot_from_1 CHECK (slot >= 1),
  CONSTRAINT coupons_recipient_has_key CHECK (recipient IS NULL OR recipient_key IS NOT NULL)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
