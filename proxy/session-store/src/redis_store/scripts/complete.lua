-- KEYS session · ARGV grant field, sent field, spent generation, next generation, grant
if redis.call('HEXISTS', KEYS[1], 'f') == 0 then return 'gone' end
local stored = redis.call('HGET', KEYS[1], ARGV[1])
local replacement = ARGV[4] .. ':' .. ARGV[5]
-- The same call once more, because its answer was lost.
if stored == replacement then return 'stored' end
if not stored or string.match(stored, '^(%d+):') ~= ARGV[3] then return 'stale' end
-- A first write that needs no memory lets the second one through on a full server: the only live
-- refresh token must never be lost to that.
redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[1], ARGV[1], replacement)
return 'stored'
