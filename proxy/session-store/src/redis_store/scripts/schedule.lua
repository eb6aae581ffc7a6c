-- KEYS a due shard · ARGV member, Unix seconds ('': in as many ms as follow), ms, spare ms
local time = redis.call('TIME')
local now = tonumber(time[1])
local at = tonumber(ARGV[2]) or (now + math.ceil(tonumber(ARGV[3]) / 1000))
-- A first write that needs no memory lets the second one through on a full server.
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], string.format('%.0f', at), ARGV[1])
local life = math.max(0, at - now) * 1000 + tonumber(ARGV[4])
if redis.call('PTTL', KEYS[1]) < life then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', life))
end
return 1
