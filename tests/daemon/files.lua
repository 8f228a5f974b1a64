-- tests/daemon/files.lua -- a small web server for tests, run inside HAProxy: the files of the folder SERVED, by their
-- names; /slow.json comes after five seconds, /endless.json after many megabytes.
local folder = os.getenv("SERVED")

core.register_service("files", "http", function(applet)
	local name = string.match(applet.path, "([%w.-]+)$") or ""
	local file = io.open(folder .. "/" .. name, "rb")
	if name == "slow.json" then
		core.msleep(5000)
	end
	if not file and name ~= "endless.json" then
		applet:set_status(404)
		applet:start_response()
		return
	end
	local body = file and file:read("*a") or string.rep(" ", 4000000)
	if file then
		file:close()
	end
	applet:set_status(200)
	applet:add_header("content-length", string.len(body))
	applet:add_header("content-type", "application/json")
	applet:start_response()
	applet:send(body)
end)
