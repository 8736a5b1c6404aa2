-- The same request over and over, or one of many codes; the figures come as one line of JSON.
wrk.method = os.getenv("WRK_METHOD") or "GET"
local body = os.getenv("WRK_BODY")
if body and #body > 0 then wrk.body = body end

local codes = tonumber(os.getenv("WRK_CODES"))
local unknown = os.getenv("WRK_UNKNOWN") == "1"

if codes or unknown then
  math.randomseed(os.time())
  request = function()
    if unknown then return wrk.format(nil, "/u" .. math.random(1, 2 ^ 40)) end
    return wrk.format(nil, "/c" .. math.random(1, codes))
  end
end

done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {"requests":%d,"us":%d,"errors":%d,"status":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.timeout, e.status, latency:percentile(50), latency:percentile(99)))
end
