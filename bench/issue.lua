-- What wrk sends: requests for coupons.
--
-- RUN        tells the recipients of this run from those of others; empty: no recipient is sent, and no body
-- KEY        the API key; empty: none
-- CAMPAIGNS  a prefix, and behind a colon how many: prefix0, prefix1, … are asked by turns; empty: the one of the URL
-- DELAY_MS   from a reply to the next request of its connection, on average; 0: none

wrk.method = 'POST'
local key = os.getenv('KEY') or ''
if key ~= '' then wrk.headers['authorization'] = 'Bearer ' .. key end

local number, run, delay_ms = 0, os.getenv('RUN') or '', tonumber(os.getenv('DELAY_MS') or '0')
local prefix, campaigns = string.match(os.getenv('CAMPAIGNS') or '', '^(.*):(%d+)$')
campaigns = tonumber(campaigns)

if run ~= '' then wrk.headers['content-type'] = 'application/json' end

function request()
  number = number + 1
  local path, body
  if prefix then path = '/v1/campaigns/' .. prefix .. number % campaigns .. '/coupons' end
  if run ~= '' then body = '{"recipient":"' .. run .. '-' .. number .. '"}' end
  return wrk.format(nil, path, nil, body)
end

-- By chance, so that the connections do not come all at once.
if delay_ms > 0 then
  function delay()
    return math.random(0, 2 * delay_ms)
  end
end
