-- resync: tells the counter of one campaign what the ledger knows. Raises, creates or repairs; never lowers.
--
-- KEYS[1]  next: the lowest slot that was never handed out, a decimal integer >= 1
-- ARGV[1]  maxSlot: the highest slot that has a row, 0..2147483647
-- ARGV[2]  expiry of the key in seconds, 1..2147483647, begun anew when the key is written
--
-- Returns  next as it now stands, an integer > maxSlot
--          an error    bad arguments, or what the server said to GET or SET. Nothing was written

-- The integer >= 1 that `text` spells in its one canonical form, of at most 15 digits, or nil: see reserve.lua.
local function integer(text)
  if type(text) == 'string' and #text <= 15 and string.match(text, '^[1-9]%d*$') then return tonumber(text) end
  return nil
end

local function atMost(number, max)
  return number and number <= max
end

local maxSlot, expiry = ARGV[1] == '0' and 0 or integer(ARGV[1]), integer(ARGV[2])
if #KEYS ~= 1 or #ARGV ~= 2 or not (atMost(maxSlot, 2147483647) and atMost(expiry, 2147483647)) then
  return redis.error_reply('ERR resync: one key, maxSlot 0..2147483647, expiry in seconds')
end

local stored = redis.pcall('GET', KEYS[1])
if type(stored) == 'table' then
  if not string.find(stored.err, 'WRONGTYPE', 1, true) then return stored end
  stored = nil
end
local next = integer(stored)
if next and next > maxSlot then return next end

-- SET replaces a value of any type.
local written = redis.pcall('SET', KEYS[1], string.format('%.0f', maxSlot + 1), 'EX', expiry)
if written.err then return written end
return maxSlot + 1
