-- Who may do what in the database: three users, each with no more than it needs. For MySQL 8.4+ and MariaDB 10.11+.
--
-- Before: replace each <PASSWORD OF …> by a password in quotes. As they stand they are no SQL: the first one that is left
--         ends the run before anybody has a right. Where the database is not called firstcome, put its name for
--         `firstcome`. '%' is any host: put that of your servers for it if it is known.
-- When:   after `firstcome migrate`, as a user who may create users; rights on a table need the table. Again after
--         each release that brings a migration, once that was applied. What is granted twice does no harm.

CREATE USER IF NOT EXISTS 'firstcome_server'@'%' IDENTIFIED BY <PASSWORD OF firstcome_server>;
CREATE USER IF NOT EXISTS 'firstcome_operator'@'%' IDENTIFIED BY <PASSWORD OF firstcome_operator>;
CREATE USER IF NOT EXISTS 'firstcome_migrator'@'%' IDENTIFIED BY <PASSWORD OF firstcome_migrator>;

-- The server: MYSQL_URL of `firstcome serve`. It deletes test campaigns with their coupons, and changes no coupon.
GRANT SELECT, INSERT, DELETE, UPDATE (name, start_time, total_coupons, end_time, paused, recipient_required, code_format,
  metadata, version, sold_out_total, updated_at) ON `firstcome`.campaigns TO 'firstcome_server'@'%';
GRANT SELECT, INSERT, DELETE ON `firstcome`.coupons TO 'firstcome_server'@'%';
GRANT SELECT ON `firstcome`.firstcome_migrations TO 'firstcome_server'@'%';
GRANT SELECT ON `firstcome`.api_keys TO 'firstcome_server'@'%';
GRANT SELECT, INSERT ON `firstcome`.changes TO 'firstcome_server'@'%';

-- The operator: MYSQL_URL of the commands that people run beside the servers. `audit` only reads.
GRANT SELECT, DELETE ON `firstcome`.campaigns TO 'firstcome_operator'@'%';
GRANT SELECT, DELETE, UPDATE (recipient) ON `firstcome`.coupons TO 'firstcome_operator'@'%';
GRANT SELECT ON `firstcome`.firstcome_migrations TO 'firstcome_operator'@'%';
GRANT SELECT, INSERT, UPDATE ON `firstcome`.api_keys TO 'firstcome_operator'@'%';
GRANT SELECT, INSERT ON `firstcome`.changes TO 'firstcome_operator'@'%';

-- The migrator: MYSQL_URL of `firstcome migrate`. Migrations only add: it may not drop.
GRANT SELECT, INSERT, UPDATE, CREATE, ALTER, INDEX ON `firstcome`.* TO 'firstcome_migrator'@'%';
