-- KEYS bucket, and perhaps the session whose it is · ARGV microseconds for one token, microseconds in which an empty bucket fills
-- The generic cell rate algorithm: the key holds the time at which the bucket is full.
-- Answers {1 or 0, microseconds that the bucket now lacks to be full}.
-- A session that is made up gets no bucket: nobody can fill the server with them.
if KEYS[2] and redis.call('HEXISTS', KEYS[2], 'f') == 0 then return {1, '0'} end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local interval, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = tonumber(redis.call('GET', KEYS[1]) or '') or now
local missing = math.max(0, full_at - now)
-- Half a microsecond for what doubles lose.
if missing + interval > window + 0.5 then return {0, string.format('%.0f', missing)} end
missing = missing + interval
redis.call('SET', KEYS[1], string.format('%.3f', now + missing), 'PX', math.ceil(missing / 1000))
return {1, string.format('%.0f', missing)}
