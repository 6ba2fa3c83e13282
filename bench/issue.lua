-- What wrk sends: a recipient of its own in each request.
--
-- RUN       tells the recipients of this run from those of others
-- KEY       the API key; empty: none
-- DELAY_MS  from a reply to the next request of its connection, on average; 0: none

wrk.method = 'POST'
wrk.headers['content-type'] = 'application/json'
local key = os.getenv('KEY') or ''
if key ~= '' then wrk.headers['authorization'] = 'Bearer ' .. key end

local number, run, delay_ms = 0, os.getenv('RUN'), tonumber(os.getenv('DELAY_MS'))

function request()
  number = number + 1
  return wrk.format(nil, nil, nil, '{"recipient":"' .. run .. '-' .. number .. '"}')
end

-- By chance, so that the connections do not come all at once.
if delay_ms > 0 then
  function delay()
    return math.random(0, 2 * delay_ms)
  end
end
