-- Counts the answers with another status than the one in STATUS: wrk's own summary tells apart
-- only what is neither 2xx nor 3xx.
local threads = {}

function setup(thread)
  thread:set("wanted", tonumber(os.getenv("STATUS")))
  thread:set("wrong", 0)
  table.insert(threads, thread)
end

function response(status)
  if status ~= wanted then
    wrong = wrong + 1
  end
end

function done()
  local sum = 0
  for _, thread in ipairs(threads) do
    sum = sum + thread:get("wrong")
  end
  io.write(("wrong answers: %d\n"):format(sum))
end
