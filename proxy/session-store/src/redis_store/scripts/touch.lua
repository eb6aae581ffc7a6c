-- KEYS session · ARGV seen (Unix seconds)
if redis.call('HEXISTS', KEYS[1], 'f') == 0 then return 0 end
local seen = tonumber(redis.call('HGET', KEYS[1], 'l') or '') or 0
if tonumber(ARGV[1]) > seen then
  -- A first write that needs no memory lets the second one through on a full server.
  redis.call('HDEL', KEYS[1], 'l')
  redis.call('HSET', KEYS[1], 'l', ARGV[1])
end
return 1
