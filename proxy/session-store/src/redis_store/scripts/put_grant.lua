-- KEYS session · ARGV grant field, sent field, grant
if redis.call('HEXISTS', KEYS[1], 'f') == 0 then return '0' end
local old = redis.call('HGET', KEYS[1], ARGV[1])
local number, body = '0', nil
if old then number, body = string.match(old, '^(%d+):(.*)$') end
-- The same call once more, because its answer was lost.
if body == ARGV[3] then return number end
local next_number = string.format('%.0f', tonumber(number) + 1)
-- A first write that needs no memory lets the second one through on a full server.
redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[1], ARGV[1], next_number .. ':' .. ARGV[3])
return next_number
