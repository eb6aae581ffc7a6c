-- KEYS mark · ARGV this claim, ms
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
-- The same call once more, because its answer was lost.
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
return 0
