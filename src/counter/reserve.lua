-- reserve: takes the next slots of one campaign, checked against its total, in one step.
--
-- KEYS[1]  next: the lowest slot that was never handed out, a decimal integer >= 1
-- ARGV[1]  count: slots wanted, 1..10000
-- ARGV[2]  total: slots of the campaign, 1..2147483647
-- ARGV[3]  expiry of the key in seconds, 1..2147483647, begun anew whenever slots are taken
--
-- Returns  {'ok', from, count}  the run from..from+count-1, never above total. With count 0 nothing is left, and
--                               `from` is `next` as it stands, which may lie anywhere above total
--          {'cold'}             `next` is missing or nonsense; it is for the caller to find out, never zero
--          an error             bad arguments, or what the server said to GET or SET. Nothing was written

-- The integer >= 1 that `text` spells in its one canonical form, or nil: '1e3', ' 7', '07' and 40 digits are none here,
-- although tonumber takes them all. Up to 15 digits are exact in a double: on the way through Lua, the protocol and
-- JavaScript they stay what they are. resync.lua draws the same line.
local function integer(text)
  if type(text) == 'string' and #text <= 15 and string.match(text, '^[1-9]%d*$') then return tonumber(text) end
  return nil
end

local function atMost(number, max)
  return number and number <= max
end

-- A script that fails half-way keeps what it wrote: everything is checked first, and there is one write only.
local asked, total, expiry = integer(ARGV[1]), integer(ARGV[2]), integer(ARGV[3])
if #KEYS ~= 1 or #ARGV ~= 3 or not (atMost(asked, 10000) and atMost(total, 2147483647) and atMost(expiry, 2147483647)) then
  return redis.error_reply('ERR reserve: one key, count 1..10000, total 1..2147483647, expiry in seconds')
end

local stored = redis.pcall('GET', KEYS[1])
if type(stored) == 'table' then
  if string.find(stored.err, 'WRONGTYPE', 1, true) then return {'cold'} end
  return stored
end
local next = integer(stored)
if not next then return {'cold'} end

local count = math.min(asked, total - next + 1)
-- Nothing left writes nothing, not even a new expiry: the crowd at a sold-out campaign must not become a stream of writes
-- to replicas and the append-only file. Should the key expire meanwhile, that costs one resync.
if count <= 0 then return {'ok', next, 0} end

-- %.0f, because Lua would spell a large number with an exponent.
local written = redis.pcall('SET', KEYS[1], string.format('%.0f', next + count), 'EX', expiry)
if written.err then return written end
return {'ok', next, count}
