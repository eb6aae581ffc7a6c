-- KEYS session · ARGV facts, seen, grant field, generation and grant, lifetime ms
-- Nothing is deleted first: on a full server the HSET must be the first write, and fail.
redis.call('HSET', KEYS[1], 'f', ARGV[1], 'l', ARGV[2], ARGV[3], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
