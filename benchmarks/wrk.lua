-- Requests from a file, one after the other: `PATH` is a GET, `PATH HEX` a POST.
-- At the end one line of JSON; latencies in microseconds.

local requests, count, current = {}, 0, 0

function init(args)
  for line in io.lines(args[1]) do
    local path, hex = line:match("^(%S+) ?(%x*)$")
    count = count + 1
    if hex == "" then
      requests[count] = wrk.format("GET", path)
    else
      local body = hex:gsub("..", function(pair)
        return string.char(tonumber(pair, 16))
      end)
      local fields = { ["Content-Type"] = "application/ocsp-request" }
      requests[count] = wrk.format("POST", path, fields, body)
    end
  end
end

function request()
  current = current % count + 1
  return requests[current]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "bytes": %d, "errors": %d, ' ..
    '"half": %f, "most": %f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
