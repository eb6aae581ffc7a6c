-- KEYS session, lease · ARGV grant field, sent field, holder, generation, ms until the deadline
if redis.call('HEXISTS', KEYS[1], 'f') == 0 then return 'gone' end
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 'stale' end
local grant = redis.call('HGET', KEYS[1], ARGV[1])
if not grant or string.match(grant, '^(%d+):') ~= ARGV[4] then return 'stale' end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
-- The first of several marks of one generation says since when its fate is unknown.
local first = string.format('%.0f', now)
local before = redis.call('HGET', KEYS[1], ARGV[2])
if before then
  local generation, _, since = string.match(before, '^(%d+):(%d+):(%d+):')
  if generation == ARGV[4] then first = since end
end
local deadline = string.format('%.0f', now + tonumber(ARGV[5]))
-- A first write that needs no memory lets the second one through on a full server.
redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4] .. ':' .. deadline .. ':' .. first .. ':' .. ARGV[3])
return 'stored'
