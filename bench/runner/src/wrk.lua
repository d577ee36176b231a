-- The script that wrk runs: sends the requests of a plan in turn, and says at the end what it measured.
--
-- The plan is a Lua file, given behind `--`: { statuses = true or false, run = text, requests = { { method, path,
-- headers, body_before, body_after }, … } }. A request with `body_after` gets a number of its own between the two
-- halves, unique in the run. Statuses are counted one by one only if the plan wants it: reading answers costs the
-- generator.

local threads = {}

function setup(thread)
  thread:set("thread_number", #threads)
  table.insert(threads, thread)
end

local plan, formatted, turn, number = nil, {}, 0, 0

function init(args)
  plan = dofile(args[1])
  for index, r in ipairs(plan.requests) do
    if not r.body_after then
      formatted[index] = wrk.format(r.method, r.path, r.headers, r.body_before)
    end
  end
  -- Threads begin at different places of the plan.
  turn = thread_number * 7919
  retry_after, saturated = 0, 0
  if plan.statuses then
    response = function(status, headers, body)
      local name = "status_" .. status
      _G[name] = (_G[name] or 0) + 1
      if headers["retry-after"] or headers["Retry-After"] then
        retry_after = retry_after + 1
      end
      if status == 503 and body:find('"code":"saturated"', 1, true) then
        saturated = saturated + 1
      end
    end
  end
end

function request()
  turn = turn + 1
  local index = turn % #plan.requests + 1
  local ready = formatted[index]
  if ready then
    return ready
  end
  local r = plan.requests[index]
  number = number + 1
  local unique = plan.run .. "-" .. thread_number .. "-" .. number
  return wrk.format(r.method, r.path, r.headers, r.body_before .. unique .. r.body_after)
end

function done(summary, latency)
  local statuses, retries, nothing_done = {}, 0, 0
  for status = 100, 599 do
    local count = 0
    for _, thread in ipairs(threads) do
      count = count + (thread:get("status_" .. status) or 0)
    end
    if count > 0 then
      table.insert(statuses, string.format('"%d":%d', status, count))
    end
  end
  for _, thread in ipairs(threads) do
    retries = retries + (thread:get("retry_after") or 0)
    nothing_done = nothing_done + (thread:get("saturated") or 0)
  end
  local e = summary.errors
  io.write(string.format(
    'BENCH {"requests":%d,"seconds":%.6f,"p50_ms":%.4f,"p99_ms":%.4f,"max_ms":%.4f,"refused":%d,"broken":%d,' ..
      '"retry_after":%d,"saturated":%d,"statuses":{%s}}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency.max / 1e3, e.status, e.connect + e.read + e.write + e.timeout, retries,
    nothing_done, table.concat(statuses, ",")))
end
