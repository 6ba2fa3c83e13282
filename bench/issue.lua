-- What wrk sends: requests for coupons.
--
-- RUN        tells the recipients of this run from those of others; empty: no recipient is sent, and no body
-- KEY        the API key; empty: none
-- CAMPAIGNS  a prefix, and behind a colon how many: prefix0, prefix1, … are asked by turns; empty: the one of the URL
-- DELAY_MS   from a reply to the next request of its connection, on average; 0: none

local key, run, delay_ms = os.getenv('KEY') or '', os.getenv('RUN') or '', tonumber(os.getenv('DELAY_MS') or '0')
local prefix, campaigns = string.match(os.getenv('CAMPAIGNS') or '', '^(.*):(%d+)$')
campaigns = tonumber(campaigns)

-- Headers in one order, as a client of its own sends them. `wrk.format` has another one in each process, which a server in
-- JavaScript pays for: the code that it made for the last one is thrown away.
local number, head = 0

function init()
  head = ' HTTP/1.1\r\nHost: ' .. wrk.headers['Host'] .. '\r\n'
  if key ~= '' then head = head .. 'Authorization: Bearer ' .. key .. '\r\n' end
  if run ~= '' then head = head .. 'Content-Type: application/json\r\n' end
end

function request()
  number = number + 1
  local path, body = wrk.path, ''
  if prefix then path = '/v1/campaigns/' .. prefix .. number % campaigns .. '/coupons' end
  if run ~= '' then body = '{"recipient":"' .. run .. '-' .. number .. '"}' end
  return 'POST ' .. path .. head .. 'Content-Length: ' .. #body .. '\r\n\r\n' .. body
end

-- By chance, so that the connections do not come all at once.
if delay_ms > 0 then
  function delay()
    return math.random(0, 2 * delay_ms)
  end
end
