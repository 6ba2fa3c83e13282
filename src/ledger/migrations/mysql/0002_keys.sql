-- oldest-program: 1
-- API keys: who may call. A row is never deleted: that there was a key closes the door for good.

CREATE TABLE IF NOT EXISTS api_keys (
  id VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,      -- the public half
  client VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,  -- whose it is: requests and limits are the client's
  secret_hash BINARY(32) NOT NULL,                                    -- SHA-256 of the secret half
  scopes VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- with commas between
  created_at DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NULL,                                        -- NULL: it does not
  revoked_at DATETIME(3) NULL,                                        -- NULL: it was not
  PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
