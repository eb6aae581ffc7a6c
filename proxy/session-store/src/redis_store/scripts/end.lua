-- KEYS session · ARGV ms for which readers are told that it was replaced (0: not), channel, announcement,
-- grant field, the generation that it must have ('': whichever)
if redis.call('HEXISTS', KEYS[1], 'f') == 0 then return {} end
if ARGV[5] ~= '' then
  local grant = redis.call('HGET', KEYS[1], ARGV[4])
  if not grant or string.match(grant, '^(%d+):') ~= ARGV[5] then return {} end
end
local session = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1])
if tonumber(ARGV[1]) > 0 then
  redis.call('HSET', KEYS[1], 'r', '1')
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
-- Without the right to publish the session ends all the same.
redis.pcall('PUBLISH', ARGV[2], ARGV[3])
return session
