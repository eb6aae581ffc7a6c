-- KEYS session · ARGV slot field, slot, channel, announcement, and with a guard: grant field, its generation
if redis.call('HEXISTS', KEYS[1], 'f') == 0 then return 'gone' end
if ARGV[5] then
  local grant = redis.call('HGET', KEYS[1], ARGV[5])
  if not grant or string.match(grant, '^(%d+):') ~= ARGV[6] then return 'stale' end
end
-- A first write that needs no memory lets the second one through on a full server.
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
-- Without the right to publish it is stored all the same.
redis.pcall('PUBLISH', ARGV[3], ARGV[4])
return 'stored'
