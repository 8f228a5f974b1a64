# zones/demo/world.sh -- sourced by the demonstration and by tests: a world of isobard with three regions, each with one
# real HTTP backend (HAProxy) and one isobar-rem.
# shellcheck shell=bash
# In: ISOBAR_BUILD and ISOBAR_SOURCE.  Owns: the folder $world with all that it writes, and the processes in world_pids;
# world_close ends exactly these and removes the folder; on Ctrl-C the exit status is world_interrupted. Nothing listens but on loopback, on ports that were free.

PATH=$PATH:/usr/sbin:/sbin	# haproxy, nsd and unbound; not in every user's path

# shellcheck disable=SC2034 # for those who source this
world_regions=(eu-west us-east ap-south)
declare -A world_address=([eu-west]=127.0.0.11 [us-east]=127.0.0.12 [ap-south]=127.0.0.13)
declare -A world_pids=()
world_under=()

world_open() {
	world=$(mktemp -d "${TMPDIR:-/tmp}/isobar-world.XXXXXX") || exit 1
	mkdir "$world/log"
	trap world_close EXIT
	trap 'exit "${world_interrupted-130}"' INT TERM
}

# Agents and backends go first: a daemon that ends before them would be reported as trouble in their logs.
world_close() {
	local status=$? name
	trap '' INT TERM
	trap - EXIT
	for name in "${!world_pids[@]}"; do
		[ "$name" = isobard ] || world_stop "$name"
	done
	world_stop isobard
	[ -z "${world_mounted-}" ] || umount "$world_mounted"
	if [ -n "${WORLD_KEEP-}" ]; then
		echo "kept: $world"
	else
		rm -rf "$world"
	fi
	exit "$status"
}

# ---- processes -------------------------------------------------------------------------------------------------------

world_start() {	# NAME COMMAND...
	local name=$1
	shift
	"$@" >>"$world/log/$name" 2>&1 &
	world_pids[$name]=$!
}

world_runs() {	# NAME
	[ -n "${world_pids[$1]-}" ] && kill -0 "${world_pids[$1]}" 2>/dev/null
}

world_stop() {	# NAME [SIGNAL]; waits, and after 10 s it's killed. The status is the process's own
	local pid=${world_pids[$1]-} status
	[ -n "$pid" ] || return 0
	{	# the shell tells of killed processes here
		kill -"${2-TERM}" "$pid"
		world_await 10 world_ended "$1" || kill -KILL "$pid"
		wait "$pid"
		status=$?
	} 2>/dev/null
	unset "world_pids[$1]"
	return $status
}

world_ended() {	# NAME
	! world_runs "$1"
}

# Until COMMAND succeeds; false when it doesn't in SECONDS. WORLD_PATIENCE times as long where there is much else to do, as
# there is when tests run.
world_await() {	# SECONDS COMMAND...
	local end=$(($(date +%s%3N) + $1 * 1000 * ${WORLD_PATIENCE-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%3N)" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# A port on which nobody listens or talks at any address, below those that the kernel gives away by itself.
world_port() {
	local port hex
	while :; do
		port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
		printf -v hex ':%04X ' "$port"
		[[ " ${world_ports-} " == *" $port "* ]] && continue
		cat /proc/net/{tcp,udp,tcp6,udp6} 2>/dev/null | grep -q "$hex" || break
	done
	world_ports="${world_ports-} $port"
	REPLY=$port
}

# ---- the parts -------------------------------------------------------------------------------------------------------

world_prepare() {	# ports, and the zones folder with the backends' port in it
	world_port && dns_port=$REPLY
	world_port && api_port=$REPLY
	world_port && backend_port=$REPLY
	world_port && metrics_port=$REPLY
	api_socket=$world/isobar.sock
	store=$world/isobar.db
	mkdir "$world/zones"
	cp "$ISOBAR_SOURCE"/zones/*.zone "$world/zones/"
	sed "s/port: 8080/port: $backend_port/" "$ISOBAR_SOURCE/zones/steering.yaml" >"$world/zones/steering.yaml"
}

# world_settings: more lines of isobar.yaml; world_models: another folder of models; world_under: what runs the program.
world_isobard() {
	cat >"$world/isobar.yaml" <<-END
		listen: [127.0.0.1@$dns_port]
		zones: $world/zones
		store: ${store-$world/isobar.db}
		models: ${world_models-$ISOBAR_SOURCE/models}
		api: {socket: $api_socket, listen: 127.0.0.1@$api_port}
		${world_settings-}
	END
	world_start isobard "${world_under[@]}" "$ISOBAR_BUILD/src/isobard" -c "$world/isobar.yaml"
	world_await 30 world_ready
}

world_ready() {
	curl -sf -o /dev/null --max-time 2 --unix-socket "$api_socket" http://isobard/readyz
}

world_get() {	# PATH; JSON of the API
	curl -sf --max-time 5 --unix-socket "$api_socket" "http://isobard$1"
}

world_post() {	# PATH JSON
	curl -sf --max-time 10 --unix-socket "$api_socket" -H 'Content-Type: application/json' -d "$2" "http://isobard$1"
}

world_ctl() {	# ARGUMENTS of isobarctl
	"$ISOBAR_BUILD/src/isobarctl" -s "$api_socket" "$@"
}

world_backend() {	# REGION; world_app: a Lua file with the application's metrics, see app.lua
	local region=$1 address=${world_address[$1]}
	cat >"$world/haproxy-$region.cfg" <<-END
		global
		    nbthread 1
		    maxconn 256
		    ${world_app:+lua-load $world_app}
		defaults
		    mode http
		    timeout client 10s
		    timeout connect 2s
		    timeout server 10s
		frontend web
		    bind $address:$backend_port
		    http-request return status 200 content-type text/plain string "$region\\n"
		frontend metrics
		    bind $address:$metrics_port
		    http-request use-service prometheus-exporter if { path /metrics }
	END
	[ -z "${world_app-}" ] || cat >>"$world/haproxy-$region.cfg" <<-END
		    http-request use-service lua.app if { path /app }
		    http-request use-service lua.history if { path /history }
	END
	world_start "backend-$region" haproxy -db -f "$world/haproxy-$region.cfg"
	world_await 10 curl -sf --max-time 1 "http://$address:$backend_port/health"
}

# What the application says of the time before the world began, so that there's something to predict from.
world_history() {	# REGION
	local region=$1 line
	while read -r line; do
		printf 'url = "http://isobard/v1/regions/%s/reports"\nunix-socket = "%s"\nheader = "Content-Type: application/json"\n' \
			"$region" "$api_socket"
		printf 'data = "%s"\noutput = "/dev/null"\nfail\nnext\n' "${line//\"/\\\"}"
	done < <(curl -sf --max-time 5 "http://${world_address[$region]}:$metrics_port/history") >"$world/history-$region"
	sed -i '$d' "$world/history-$region"
	curl -s --max-time 20 -K "$world/history-$region"
}

world_agent() {	# REGION
	local region=$1 address=${world_address[$1]} service
	(umask 077 && world_post /v1/tokens "{\"name\": \"agent-$region\", \"scope\": \"agent:$region\"}" |
		jq -re .token >"$world/token-$region") || return 1
	{
		cat <<-END
			region: $region
			agent: rem-$region
			controller: http://127.0.0.1:$api_port
			token-file: $world/token-$region
			interval: 1s
			spool: {path: $world/spool-$region}
			load:
			  - {service: www.gtm.example.com, url: "http://$address:$metrics_port/metrics",
			     metric: 'haproxy_frontend_http_requests_total{proxy="web"}'}
			metrics-endpoints:
			  - {url: "http://$address:$metrics_port/metrics", prefix: web.,
			     series: ['haproxy_frontend_current_sessions{proxy="web"}',
			              'haproxy_frontend_bytes_out_total{proxy="web"}']}
		END
		[ -z "${world_app-}" ] || cat <<-END
			  - {url: "http://$address:$metrics_port/app"}
			system: {metrics: false}
		END
		echo "backends:"
		for service in www api cdn db; do
			cat <<-END
				  - name: $service
				    service: $service.gtm.example.com
				    address: $address@$backend_port
				    probe: {kind: http, path: /health, interval: 500ms, timeout: 400ms, rise: 2, fall: 2}
			END
		done
	} >"$world/rem-$region.yaml"
	world_start "agent-$region" "$ISOBAR_BUILD/rem-agent/isobar-rem" -c "$world/rem-$region.yaml"
}

world_region_is() {	# REGION STATE
	[ "$(world_get "/v1/regions/$1" | jq -r .state)" = "$2" ]
}

# Every backend of the region is reported, and the region is in the answers of all its services.
world_region_serves() {	# REGION
	world_get "/v1/regions/$1" | jq -e '.state == "up" and (.backends | length) == 4 and all(.backends[]; .healthy) and
		all(.services[]; (.dead | not) and .admits == 1)'
}

world_dig() {	# ARGUMENTS of dig
	dig @127.0.0.1 -p "$dns_port" +tries=2 +time=2 "$@"
}
