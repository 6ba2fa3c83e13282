-- oldest-program: 1
-- Who changed what: a row for each change, written in the transaction that makes it. No recipient, code or secret is in it.

CREATE TABLE IF NOT EXISTS changes (
  id BIGINT NOT NULL AUTO_INCREMENT,
  at DATETIME(3) NOT NULL,                             -- UTC
  client VARCHAR(64) NULL,                             -- who called over HTTP; NULL: without a key, or nobody called
  key_id VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NULL,
  operator VARCHAR(255) NULL,                          -- user@host that ran a command at the database; NULL: over HTTP
  action VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  `before` MEDIUMTEXT NULL,                            -- JSON objects; NULL: there was nothing, or there is nothing left
  `after` MEDIUMTEXT NULL,
  request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  PRIMARY KEY (id),
  KEY changes_campaign (campaign_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
