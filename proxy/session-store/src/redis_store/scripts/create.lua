-- KEYS session, last-seen · ARGV facts, profile, grant field, generation and grant, lifetime ms, seen, seen's ms
-- Nothing is deleted first: on a full server the HSET must be the first write, and fail.
redis.call('HSET', KEYS[1], 'f', ARGV[1], 'p', ARGV[2], ARGV[3], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('SET', KEYS[2], ARGV[6], 'PX', ARGV[7])
return 1
