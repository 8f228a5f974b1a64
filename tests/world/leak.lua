-- tests/world/leak.lua -- an application that may leak memory: run inside a region's HAProxy, by tests/world/foresight.sh.
-- In: from the environment BEGIN (Unix seconds at which the live part begins) and TIMES (how many seconds of the world pass
-- in one of ours from then on), RPS (what the region serves), LEAK_FROM and LEAK_END (minutes of the world after BEGIN; empty:
-- nothing leaks), LEAK_PEAK (the share of memory in use at LEAK_END; 1: the application dies there, less: it finds
-- the memory again), NOISE (a number; other numbers, other noise).
-- Out: /, answers that take longer and fail more often as memory fills up; /app, its metrics in the Prometheus text format;
-- /history, the minutes before BEGIN as reports in JSON, a line each, by the same functions of time.
-- What leaks is real: a table that grows, 64 KiB at a time, until LIMIT of them are in use and the process ends.
local begin, times = tonumber(os.getenv("BEGIN")), tonumber(os.getenv("TIMES"))
local rps, seed = tonumber(os.getenv("RPS")), tonumber(os.getenv("NOISE"))
local leak_from, leak_end = tonumber(os.getenv("LEAK_FROM") or ""), tonumber(os.getenv("LEAK_END") or "")
local peak = tonumber(os.getenv("LEAK_PEAK") or "")

local LIMIT = 512		-- blocks; 32 MiB
local BLOCK = 65536
local USUAL = 0.45		-- of memory, by an application that doesn't leak
local HISTORY = 150		-- minutes

local held = {}

-- Minutes of the world since BEGIN; before it, it's ours.
local function minute_now()
	local now = core.now()
	return (now.sec + now.usec / 1e6 - begin) * times / 60
end

-- 0 to 1, the same for the same minute and kind.
local function noise(minute, kind)
	return math.abs(math.sin(math.floor(minute) * 12.9898 + kind * 78.233 + seed * 37.719) * 43758.5453) % 1
end

-- Share of memory that is in use.
local function memory(minute)
	if not leak_from or minute < leak_from or (minute > leak_end and peak < 1) then
		return USUAL
	end
	return USUAL + (peak - USUAL) * (minute - leak_from) / (leak_end - leak_from)
end

-- Whoever has little memory left spends time on finding some.
local function slowness(mem)
	return mem < 0.7 and 1 or 1 + 5 * ((mem - 0.7) / 0.3) ^ 2
end

-- Share of requests whose memory isn't found.
local function failing(mem)
	return mem < 0.94 and 0 or (mem - 0.94) * 5
end

local function metrics(minute, mem)
	local slow = slowness(mem)
	return {
		{"cpu", math.min(1, 0.2 + 0.05 * noise(minute, 2) + 0.03 * (slow - 1))},
		{"mem", mem + 0.01 * noise(minute, 1)},
		{"disk", 0.4 + 0.002 * noise(minute, 3)},
		{"err_ratio", 0.0005 + 0.0008 * noise(minute, 4) + failing(mem)},
		{"lat_p50_ms", (47 + 6 * noise(minute, 5)) * slow},
		{"lat_p99_ms", (260 + 70 * noise(minute, 6)) * slow},
		{"dep_ms", 11 + 3 * noise(minute, 7)},
	}
end

local function answer(applet, status, type, body)
	applet:set_status(status)
	applet:add_header("content-length", string.len(body))
	applet:add_header("content-type", type)
	applet:start_response()
	applet:send(body)
end

-- The logarithm of a request's time is normally distributed, with the quantiles of metrics().
core.register_service("page", "http", function(applet)
	local mem = #held / LIMIT
	local normal = math.sqrt(-2 * math.log(1 - math.random())) * math.cos(2 * math.pi * math.random())
	local ms = math.min(50 * math.exp(0.77 * normal) * slowness(mem), 8000)
	core.msleep(math.max(1, math.floor(ms / times + 0.5)))
	if math.random() < 0.0009 + failing(mem) then
		answer(applet, 503, "text/plain", "out of memory\n")
	else
		answer(applet, 200, "text/plain", "here\n")
	end
end)

core.register_service("app", "http", function(applet)
	local lines, minute = {}, minute_now()
	for _, metric in ipairs(metrics(minute, #held / LIMIT)) do
		lines[#lines + 1] = string.format("# TYPE %s gauge\n%s %.6f\n", metric[1], metric[1], metric[2])
	end
	answer(applet, 200, "text/plain; version=0.0.4", table.concat(lines))
end)

core.register_service("history", "http", function(applet)
	local lines = {}
	for i = 1, HISTORY do
		local minute = i - HISTORY - 1
		local values = {
			string.format('"rps": %.1f', rps * (0.9 + 0.2 * noise(minute, 8))), '"probe_ok": 1', '"hb_missed": 0',
		}
		for _, metric in ipairs(metrics(minute, memory(minute))) do
			values[#values + 1] = string.format('"%s": %.6f', metric[1], metric[2])
		end
		lines[#lines + 1] = string.format('{"agent": "history", "sequence": %d, "time": %.0f, "metrics": {%s}}\n',
			i, math.floor(begin + minute * 60), table.concat(values, ", "))
	end
	answer(applet, 200, "application/x-ndjson", table.concat(lines))
end)

local function hold(blocks)
	for i = #held + 1, blocks do
		held[i] = string.rep(string.char(i % 256), BLOCK) .. i
	end
	for i = #held, blocks + 1, -1 do
		held[i] = nil
	end
end

core.register_init(function()
	math.randomseed(seed)
	hold(math.floor(USUAL * LIMIT))
end)

core.register_task(function()
	while true do
		local minute = minute_now()
		hold(math.floor(memory(minute < 0 and 0 or minute) * LIMIT))
		if #held >= LIMIT then
			os.exit(137)
		end
		core.msleep(50)
	end
end)
