-- KEYS session, last-seen · ARGV seen (Unix seconds), ms
if redis.call('HEXISTS', KEYS[1], 'f') == 0 then return 0 end
local seen = tonumber(redis.call('GET', KEYS[2]) or '') or 0
-- A first write that needs no memory lets the second one through on a full server.
redis.call('PEXPIRE', KEYS[2], ARGV[2])
if tonumber(ARGV[1]) > seen then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
return 1
