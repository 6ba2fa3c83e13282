-- oldest-program: 1
-- API keys: who may call. A row is never deleted: that there was a key closes the door for good.

CREATE TABLE IF NOT EXISTS api_keys (
  id TEXT NOT NULL PRIMARY KEY,                        -- the public half
  client TEXT NOT NULL,                                -- whose it is: requests and limits are the client's
  secret_hash BLOB NOT NULL,                           -- SHA-256 of the secret half
  scopes TEXT NOT NULL,                                -- with commas between
  created_at INTEGER NOT NULL,
  expires_at INTEGER,                                  -- NULL: it does not
  revoked_at INTEGER,                                  -- NULL: it was not
  CONSTRAINT api_keys_id_letters CHECK (length(id) = 12 AND id NOT GLOB '*[^0-9a-z]*'),
  CONSTRAINT api_keys_client_letters CHECK (length(client) BETWEEN 1 AND 64 AND client NOT GLOB '*[^A-Za-z0-9._-]*'),
  CONSTRAINT api_keys_hash_length CHECK (length(secret_hash) = 32)
) STRICT;
