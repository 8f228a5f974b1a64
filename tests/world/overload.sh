#!/usr/bin/env bash
# tests/world/overload.sh -- three regions near capacity, of which one is killed: what do the backends of the others really
# get? Once planned (predictive), once by weights (weighted-random), in one world, with the same clients.
# Clients of Germany may be sent to two of the regions only; when one of these is lost, all of them go to the other one,
# and a policy that doesn't plan for it sends it a part of everybody else's clients too.
# In: overload.sh [PLOT.svg].  Out: cases, and a table of what each backend got; with a name, the plot as well.
# shellcheck disable=SC2317 # functions are called by name
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
plot=${1-${OVERLOAD_PLOT-}}
export OVERLOAD_PLOT=$plot
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"
. "$ISOBAR_SOURCE/tests/world/peers.sh"

if grep -qsE -- '--enable-(asan|tsan)|--with-asan' "$ISOBAR_BUILD/config.log"; then
	echo "skipped: it measures loads in time, which a sanitizer stretches"
	exit 77
fi
peers_need_port_53=no
peers_enter "$0" haproxy dig curl jq
world_open

name=www.gtm.example.com
lost=eu-west
capacity=200		# requests/s, of each region
germany=170 world_rate=130
ttl=4

main() {
	start
	phase planned "$((ttl * 3))"
	weighted
	phase weighted "$((ttl * 3))"
	results
	finish
}

start() {
	local region
	world_port && dns_port=$REPLY
	world_port && api_port=$REPLY
	world_port && backend_port=$REPLY
	world_port && metrics_port=$REPLY
	world_port && health_port=$REPLY
	api_socket=$world/isobar.sock
	mkdir "$world/zones"
	zone >"$world/zones/gtm.example.com.zone"
	steering predictive >"$world/zones/steering.yaml"
	world_isobard
	must "isobard is ready" $?
	for region in "${world_regions[@]}"; do
		backend "$region"
		must "the backend of $region answers" $?
		agent "$region"
		must "the agent of $region starts" $?
	done
	for region in "${world_regions[@]}"; do
		awaited "$region is up" 20 world_region_is "$region" up
	done
	watch_loads &
	world_pids[watch]=$!
	world_start browsers "$ISOBAR_BUILD/tests/tools/browsers" -t 600 127.0.0.1 "$dns_port" $name "$backend_port" \
		"10.1:100:$germany" "10.2:100:$world_rate"
	awaited "a plan is made for the demand" 240 planned_for_all
}

must() {	# NAME STATUS
	same "$1" "$2" 0
	[ "$2" = 0 ] && return
	tail -n 20 "$world"/log/*
	finish
}

awaited() {	# NAME SECONDS COMMAND...
	local what=$1
	shift
	world_await "$@"
	must "$what" $?
}

zone() {
	local region
	# shellcheck disable=SC2016 # $ORIGIN is for the zone
	printf '$ORIGIN gtm.example.com.\n$TTL %d\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 127.0.0.1\n' $ttl
	for region in "${world_regions[@]}"; do
		printf '%s._region.www IN A %s\n' "$region" "${world_address[$region]}"
	done
}

steering() {	# POLICY
	cat <<-END
		health-check-interval: 1s
		pae-update-interval: 2s
		recovery: {hold-down: 0s, steps: [0.5], step-time: 2s}
		regions:
		  eu-west: {location: {country: IE, latitude: 53.3, longitude: -6.3}, capacity: $capacity}
		  us-east: {location: {country: US, latitude: 38.9, longitude: -77.5}, capacity: $capacity}
		  ap-south: {location: {country: IN, latitude: 19.1, longitude: 72.9}, capacity: $capacity}
		client-groups:
		  germany: {networks: [10.1.0.0/16], location: {latitude: 51.2, longitude: 10.4}}
		services:
		  $name:
		    sharding-policy: $1
		    regions: [eu-west, us-east, ap-south]
		    ttl: {max: ${ttl}s, min: 1s}
		    residency:
		      - {clients: [germany], regions: [eu-west, us-east]}
		    probe: {kind: http, port: $health_port, path: /health}
	END
}

# Health is asked at a port of its own, so that the load is that of clients alone.
backend() {	# REGION
	local region=$1 address=${world_address[$1]}
	cat >"$world/haproxy-$region.cfg" <<-END
		global
		    nbthread 1
		    maxconn 512
		defaults
		    mode http
		    timeout client 10s
		    timeout connect 2s
		    timeout server 10s
		frontend web
		    bind $address:$backend_port
		    http-request return status 200 content-type text/plain string "$region\\n"
		frontend health
		    bind $address:$health_port
		    http-request return status 200
		frontend metrics
		    bind $address:$metrics_port
		    http-request use-service prometheus-exporter
	END
	world_start "backend-$region" haproxy -db -f "$world/haproxy-$region.cfg"
	world_await 10 curl -sf --max-time 1 "http://$address:$health_port/health"
}

agent() {	# REGION
	local region=$1 address=${world_address[$1]}
	(umask 077 && world_post /v1/tokens "{\"name\": \"agent-$region\", \"scope\": \"agent:$region\"}" |
		jq -re .token >"$world/token-$region") || return 1
	cat >"$world/rem-$region.yaml" <<-END
		region: $region
		agent: rem-$region
		controller: http://127.0.0.1:$api_port
		token-file: $world/token-$region
		interval: 1s
		spool: {path: $world/spool-$region}
		load:
		  - {service: $name, url: "http://$address:$metrics_port/metrics",
		     metric: 'haproxy_frontend_http_requests_total{proxy="web"}'}
		backends:
		  - name: web
		    service: $name
		    address: $address@$health_port
		    probe: {kind: http, path: /health, interval: 500ms, timeout: 400ms, rise: 2, fall: 2}
	END
	world_start "agent-$region" "$ISOBAR_BUILD/rem-agent/isobar-rem" -c "$world/rem-$region.yaml"
}

# What each backend counts, each second: "SECONDS REGION REQUESTS".
watch_loads() {
	local region now
	trap 'exit 0' TERM
	while sleep 1; do
		for region in "${world_regions[@]}"; do
			now=$(date +%s.%N)
			curl -s --max-time 0.5 "http://${world_address[$region]}:$metrics_port/metrics?scope=frontend" |
				awk -v now="$now" -v region="$region" \
					'/^haproxy_frontend_http_requests_total\{proxy="web"/ { print now, region, $2 }'
		done >>"$world/counts"
	done
}

# The plan in service was made for what clients ask for, within a tenth, and nothing in it gave way.
planned_for_all() {
	world_get /v1/plan | tee "$world/log/plan" | jq -e --argjson all $((germany + world_rate)) '
		(.plan.relaxations == []) and
		([.plan.services[].groups[].demand] | add | . > $all * 0.9 and . < $all * 1.1)'
}

# Up, and let in wholly again.
comes_back() {
	world_get "/v1/regions/$lost" | jq -e '.state == "up" and all(.services[]; (.dead or .returning) | not)'
}

weighted() {
	backend $lost
	same "the backend is started again" $? 0
	awaited "$lost comes back" 60 comes_back
	steering weighted-random >"$world/zones/steering.yaml"
	holds "the policy is changed" world_ctl apply "$world/zones" --force
	sleep $((ttl * 2))
}

# All is well for a while; then the region is killed, and what its clients do is watched.
phase() {	# NAME SECONDS
	local what=$1 seconds=$2
	sleep "$seconds"
	[ "$what" != planned ] || awaited "the plan in force is one for the demand" 240 planned_for_all
	echo "$(date +%s.%N) $what kill" >>"$world/marks"
	world_stop "backend-$lost" KILL
	awaited "$what: $lost is reported as down" 15 world_region_is $lost down
	echo "$(date +%s.%N) $what down" >>"$world/marks"
	sleep "$seconds"
	echo "$(date +%s.%N) $what end" >>"$world/marks"
}

mark() {	# PHASE MARK
	awk -v phase="$1" -v mark="$2" '$2 == phase && $3 == mark { print $1 }' "$world/marks"
}

# Requests/s that a backend got between two times, from its own counter.
load_between() {	# REGION FROM TO
	awk -v region="$1" -v from="$2" -v to="$3" '$2 == region && $1 >= from && $1 <= to {
			if (!n++) { t0 = $1; c0 = $3 }
			t1 = $1; c1 = $3
		} END { printf "%.1f\n", (n > 1 ? (c1 - c0) / (t1 - t0) : 0) }' "$world/counts"
}

results() {
	local what region kill down end load
	world_stop browsers
	world_stop watch
	printf '%-10s %-10s %10s %10s %10s\n' policy region before after capacity
	for what in planned weighted; do
		kill=$(mark $what kill) down=$(mark $what down) end=$(mark $what end)
		for region in "${world_regions[@]}"; do
			# Until answers of before have run out, some clients still ask the region that is gone.
			load=$(load_between "$region" "$(plus "$down" $((ttl + 2)))" "$end")
			printf '%-10s %-10s %10s %10s %10s\n' $what "$region" \
				"$(load_between "$region" "$(plus "$kill" -10)" "$kill")" "$load" $capacity
			[ "$region" = "$lost" ] || echo "$load" >>"$world/after-$what"
		done
	done
	# A machine that is busy makes all of it less or more: what counts is the part that each has of it.
	for what in planned weighted; do
		awk -v all=$((germany + world_rate)) '{ sum += $1; load[NR] = $1 } END {
			for (i in load) printf "%.1f\n", load[i] / sum * all }' "$world/after-$what" >"$world/peak-$what"
	done
	holds "planned: every survivor stays below its capacity" below "$(sort -n "$world/peak-planned" | tail -n 1)" $capacity
	holds "planned: the survivors serve everybody" below $(((germany + world_rate) * 8 / 10)) \
		"$(awk '{ sum += $1 } END { print sum }' "$world/after-planned")"
	holds "weighted: a survivor is overloaded" below $capacity "$(sort -n "$world/peak-weighted" | tail -n 1)"
	[ -z "$plot" ] || draw
}

# Two panels, from ten seconds before the region was killed: what each backend got each second, and the capacity.
draw() {
	local what panel=0
	{
		printf '<svg xmlns="http://www.w3.org/2000/svg" width="860" height="330" font-family="sans-serif" font-size="12">\n'
		printf '<rect width="860" height="330" fill="white"/>\n'
		for what in planned weighted; do
			awk -v what="$what" -v kill="$(mark "$what" kill)" -v left=$((50 + panel * 420)) -v capacity="$capacity" -v lost="$lost" '
				function x(t) { return left + (t + 10) * 15 }
				function y(load) { return 290 - load * 0.9 }
				BEGIN { colour["eu-west"] = "#c0392b"; colour["us-east"] = "#2471a3"; colour["ap-south"] = "#1e8449" }
				{
					t = $1 - kill
					if (($2 in count) && t > -10 && t < 12 && $3 >= count[$2]) {
						rate = ($3 - count[$2]) / ($1 - at[$2])
						line[$2] = line[$2] sprintf(" %.1f,%.1f", x(t), y(rate > 280 ? 280 : rate))
						last[$2] = y(rate)
					}
					count[$2] = $3
					at[$2] = $1
				}
				END {
					printf "<text x=\"%d\" y=\"24\" font-weight=\"bold\">%s: requests/s of each backend, %s killed at 0 s</text>\n", left, what, lost
					for (load = 0; load <= 250; load += 50)
						printf "<path d=\"M%d %.1fh330\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%d</text>\n", left, y(load), left - 4, y(load) + 4, load
					for (t = -10; t <= 12; t += 5)
						printf "<text x=\"%d\" y=\"308\" text-anchor=\"middle\">%d s</text>\n", x(t), t
					printf "<path d=\"M%d %.1fh330\" stroke=\"black\" stroke-dasharray=\"6 4\"/><text x=\"%d\" y=\"%.1f\">capacity of each</text>\n", left, y(capacity), left + 4, y(capacity) - 5
					printf "<path d=\"M%d 40V290\" stroke=\"#888\"/>\n", x(0)
					for (region in line)
						printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/><text x=\"%d\" y=\"%.1f\" fill=\"%s\">%s</text>\n", line[region], colour[region], x(12) + 2, last[region] + 4, colour[region], region
				}' "$world/counts"
			panel=$((panel + 1))
		done
		printf '</svg>\n'
	} >"$plot"
	echo "the plot is in $plot"
}

plus() {	# TIME SECONDS
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", a + b }'
}

below() {	# A B
	awk -v a="$1" -v b="$2" 'BEGIN { print a, "against", b; exit !(a + 0 < b + 0) }'
}

main
