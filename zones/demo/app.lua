-- zones/demo/app.lua -- the application of one region, as its metrics show it: run inside the region's HAProxy.
-- In: from the environment SHARE (of 120 requests/s), BEGIN (Unix seconds of the demonstration's start), and LEAK (the
-- minutes before BEGIN at which it began to leak memory, or nothing).
-- Out: /app, its metrics now in the Prometheus text format, for isobar-rem; and /history, the hundred minutes before BEGIN
-- as reports in JSON, a line each, so that there's a past to predict from. Both come from the same function of time.
local share, begin, leak = tonumber(os.getenv("SHARE")), tonumber(os.getenv("BEGIN")), tonumber(os.getenv("LEAK") or "")

local minutes = 100
local leak_minutes = 80		-- from the leak's begin until memory is full, and the application starts again

-- 0 to 1, the same for the same time and kind.
local function noise(t, kind)
	return math.abs(math.sin(t * 12.9898 + kind * 78.233) * 43758.5453) % 1
end

local function memory(t)
	local leaking = 0
	if leak and t > begin - leak * 60 then
		leaking = ((t - begin) / 60 + leak) % leak_minutes / leak_minutes
	end
	return 0.45 + 0.53 * leaking + 0.01 * noise(t, 1)
end

local function metrics(t)
	return {
		{"cpu", 0.2 + 0.05 * noise(t, 2)},
		{"mem", memory(t)},
		{"disk", 0.4 + 0.002 * noise(t, 3)},
		{"err_ratio", 0.0005 + 0.0008 * noise(t, 4)},
		{"lat_p50_ms", 47 + 6 * noise(t, 5)},
		{"lat_p99_ms", 260 + 70 * noise(t, 6)},
		{"dep_ms", 11 + 3 * noise(t, 7)},
	}
end

local function answer(applet, type, body)
	applet:set_status(200)
	applet:add_header("content-length", string.len(body))
	applet:add_header("content-type", type)
	applet:start_response()
	applet:send(body)
end

core.register_service("app", "http", function(applet)
	local lines = {}
	for _, metric in ipairs(metrics(os.time())) do
		lines[#lines + 1] = string.format("# TYPE %s gauge\n%s %.6f\n", metric[1], metric[1], metric[2])
	end
	answer(applet, "text/plain; version=0.0.4", table.concat(lines))
end)

core.register_service("history", "http", function(applet)
	local lines = {}
	for minute = 1, minutes do
		local t = begin - (minutes - minute + 1) * 60
		local values = {
			string.format('"rps": %.1f', 120 * share * (0.9 + 0.2 * noise(t, 8))), '"probe_ok": 1', '"hb_missed": 0',
		}
		for _, metric in ipairs(metrics(t)) do
			values[#values + 1] = string.format('"%s": %.6f', metric[1], metric[2])
		end
		lines[#lines + 1] = string.format('{"agent": "history", "sequence": %d, "time": %d, "metrics": {%s}}\n',
			minute, t, table.concat(values, ", "))
	end
	answer(applet, "application/x-ndjson", table.concat(lines))
end)
