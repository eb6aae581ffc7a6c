-- KEYS session · ARGV sent field, holder, generation
if redis.call('HEXISTS', KEYS[1], 'f') == 0 then return 'gone' end
local sent = redis.call('HGET', KEYS[1], ARGV[1])
if not sent then return 'stale' end
local generation, holder = string.match(sent, '^(%d+):%d+:%d+:(.*)$')
if generation ~= ARGV[3] or holder ~= ARGV[2] then return 'stale' end
redis.call('HDEL', KEYS[1], ARGV[1])
return 'stored'
