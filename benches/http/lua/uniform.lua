-- Asks for KEYS URLs in uniformly random order. The requests are made before the run, so that the
-- load generator does no more per request than it does for one URL.
local keys = tonumber(os.getenv("KEYS"))
local requests = {}

function init()
  math.randomseed(tonumber(os.getenv("SEED")))
  for n = 1, keys do
    requests[n] = wrk.format("GET", "/products/" .. n)
  end
end

function request()
  return requests[math.random(keys)]
end
