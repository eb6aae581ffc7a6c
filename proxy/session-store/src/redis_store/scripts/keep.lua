-- KEYS session, lease · ARGV holder, ms
if redis.call('HEXISTS', KEYS[1], 'f') == 0 then return 0 end
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[2], ARGV[2])
