-- oldest-program: 1
-- The first tables: campaigns, and the coupons they gave away. For SQLite 3.43 and newer (STRICT tables, unhex, octet_length).
-- All times are UTC milliseconds since 1970. Text is compared byte by byte (BINARY is SQLite's default collation).
-- length() stops at a NUL, octet_length() does not: both, so that nothing gets past the limit behind one.

CREATE TABLE campaigns (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  start_time INTEGER NOT NULL,
  total_coupons INTEGER NOT NULL,
  end_time INTEGER,                                    -- exclusive; NULL: no end
  paused INTEGER NOT NULL DEFAULT 0,
  recipient_required INTEGER NOT NULL DEFAULT 0,
  test INTEGER NOT NULL DEFAULT 0,
  code_format TEXT NOT NULL,                           -- JSON {alphabet, length, prefix}
  metadata TEXT NOT NULL,                              -- JSON object
  version INTEGER NOT NULL DEFAULT 1,                  -- counts changes
  sold_out_total INTEGER,                              -- the total at which it was last proved sold out: a hint for lists
  created_at INTEGER NOT NULL,                         -- with the id: what a campaign is
  updated_at INTEGER NOT NULL,
  CONSTRAINT campaigns_id_letters CHECK (length(id) BETWEEN 1 AND 64 AND id NOT GLOB '*[^A-Za-z0-9_-]*'),
  CONSTRAINT campaigns_name_length CHECK (length(name) BETWEEN 1 AND 255 AND octet_length(name) <= 1020),
  CONSTRAINT campaigns_total CHECK (total_coupons BETWEEN 1 AND 2147483647),
  CONSTRAINT campaigns_flags CHECK (paused IN (0, 1) AND recipient_required IN (0, 1) AND test IN (0, 1)),
  CONSTRAINT campaigns_json CHECK (json_valid(code_format) AND json_valid(metadata))
) STRICT;

CREATE INDEX campaigns_newest ON campaigns (created_at, id);

-- Every unique key begins with campaign_id. No foreign key: issuing looks at the campaign in the statement that inserts.
CREATE TABLE coupons (
  id INTEGER NOT NULL PRIMARY KEY,
  campaign_id TEXT NOT NULL,
  coupon_code TEXT NOT NULL,                           -- canonical: upper case, no separators
  issued_at INTEGER NOT NULL,
  slot INTEGER NOT NULL,                               -- 1..total_coupons: its number in the campaign
  request_key BLOB NOT NULL,
  recipient TEXT,
  recipient_key BLOB,                                  -- a hash of the recipient
  CONSTRAINT coupons_code UNIQUE (campaign_id, coupon_code),
  CONSTRAINT coupons_slot UNIQUE (campaign_id, slot),
  CONSTRAINT coupons_request UNIQUE (campaign_id, request_key),
  CONSTRAINT coupons_recipient UNIQUE (campaign_id, recipient_key),
  CONSTRAINT coupons_code_length CHECK (length(coupon_code) BETWEEN 1 AND 64 AND octet_length(coupon_code) <= 256),
  CONSTRAINT coupons_slot_from_1 CHECK (slot >= 1),
  CONSTRAINT coupons_request_key_length CHECK (length(request_key) = 16),
  CONSTRAINT coupons_recipient_length CHECK (length(recipient) <= 255 AND octet_length(recipient) <= 1020),
  CONSTRAINT coupons_recipient_key_length CHECK (length(recipient_key) = 16),
  CONSTRAINT coupons_recipient_has_key CHECK (recipient IS NULL OR recipient_key IS NOT NULL)
) STRICT;
