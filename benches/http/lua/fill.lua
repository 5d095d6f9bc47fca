-- Asks for each of KEYS URLs in turn, from FROM on, so that the cache holds them all.
local keys = tonumber(os.getenv("KEYS"))
local next = tonumber(os.getenv("FROM"))

function request()
  next = next % keys + 1
  return wrk.format("GET", "/products/" .. next)
end
