-- Asks for each of KEYS URLs in turn, so that the cache holds them all.
local keys = tonumber(os.getenv("KEYS"))
local next = 0

function request()
  next = next % keys + 1
  return wrk.format("GET", "/products/" .. next)
end
