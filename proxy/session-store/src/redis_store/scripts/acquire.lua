-- KEYS session, lease · ARGV grant field, sent field, holder, ms
-- Answers {'held', grant, sent generation or '', ms until its deadline,
-- ms since its first mark}, {'busy', ms},
-- {'no_grant'} or {'gone'}.
if redis.call('HEXISTS', KEYS[1], 'f') == 0 then return {'gone'} end
local grant = redis.call('HGET', KEYS[1], ARGV[1])
if not grant then return {'no_grant'} end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[3] then
  return {'busy', tostring(redis.call('PTTL', KEYS[2]))}
end
-- A first write that needs no memory lets the second one through on a full server.
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
local sent = redis.call('HGET', KEYS[1], ARGV[2])
if not sent then return {'held', grant, '', '0', '0'} end
local generation, deadline, first = string.match(sent, '^(%d+):(%d+):(%d+):')
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local remaining = string.format('%.0f', math.max(0, tonumber(deadline) - now))
local age = string.format('%.0f', math.max(0, now - tonumber(first)))
return {'held', grant, generation, remaining, age}
