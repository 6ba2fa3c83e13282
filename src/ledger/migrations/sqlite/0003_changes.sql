-- oldest-program: 1
-- Who changed what: a row for each change, written in the transaction that makes it. No recipient, code or secret is in it.

CREATE TABLE changes (
  id INTEGER NOT NULL PRIMARY KEY,
  at INTEGER NOT NULL,
  client TEXT,                                         -- who called over HTTP; NULL: without a key, or nobody called
  key_id TEXT,
  operator TEXT,                                       -- user@host that ran a command at the database; NULL: over HTTP
  action TEXT NOT NULL,
  campaign_id TEXT,
  before TEXT,                                         -- JSON objects; NULL: there was nothing, or there is nothing left
  after TEXT,
  request_id TEXT,
  CONSTRAINT changes_json CHECK ((before IS NULL OR json_valid(before)) AND (after IS NULL OR json_valid(after)))
) STRICT;

CREATE INDEX changes_campaign ON changes (campaign_id, id);
