#!/usr/bin/env bash
# tests/world/failover.sh -- regions that die and come back, seen through a resolver: three real backends with agents,
# killed one after the other; then isobar-pae killed, and a store that can't be written.
# Clients are told by EDNS Client Subnet, and each one's answer is compared with its answer before.
# shellcheck disable=SC2317 # functions are called by name
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"
. "$ISOBAR_SOURCE/tests/world/peers.sh"

peers_need_port_53=no
peers_enter "$0" unbound unbound-control haproxy dig curl jq sqlite3 prlimit
world_open

name=www.gtm.example.com
clients=1000
sequence=0

main() {
	start
	backend_dies eu-west
	silent_agent us-east
	pae_dies
	store_refuses
	store_full
	nothing_lost
	finish
}

# Static weights, so that whatever moves a client here is a failure; predictions go on all the same.
start() {
	local region
	world_prepare
	sed -i '/^  www\./,/regions:/s/predictive/weighted-random/; s/health-check-interval: .*/health-check-interval: 1s/' \
		"$world/zones/steering.yaml"
	mount_store
	world_isobard
	must "isobard is ready" $?
	for region in "${world_regions[@]}"; do
		world_backend "$region"
		must "the backend of $region answers" $?
		world_agent "$region"
		must "the agent of $region starts" $?
	done
	for region in "${world_regions[@]}"; do
		awaited "$region is reported as healthy" 20 world_region_serves "$region"
	done
	peers_resolver gtm.example.com "127.0.0.1@$dns_port"
	must "unbound answers" $?
}

# What all that follows needs: without it the test ends here.
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

# A disk of its own for the store, where one can be mounted, so that it can be filled.
mount_store() {
	mkdir "$world/store"
	if [ "$PEERS_INSIDE" = namespace ] && mount -t tmpfs -o size=24m tmpfs "$world/store" 2>/dev/null; then
		world_mounted=$world/store
	fi
	store=$world/store/isobar.db
}

# ---- a backend -------------------------------------------------------------------------------------------------------

backend_dies() {	# REGION
	local region=$1 address=${world_address[$1]}
	look before
	same "all $clients clients are answered" "$(grep -cE ' 127\.0\.0\.1[123]$' "$world/before")" $clients
	world_stop "backend-$region" KILL
	awaited "$region is reported as down" 15 world_region_is "$region" down
	look during
	same "through the resolver nobody gets $region any more" "$(grep -cF " $address" "$world/during")" 0
	same "clients of other regions keep theirs" "$(moved_others before during "$address")" 0
	look later
	same "and nobody gets it later" "$(grep -cF " $address" "$world/later")" 0
	world_backend "$region"
	same "the backend is started again" $? 0
	awaited "$region comes back" 20 world_region_serves "$region"
	same "after two good reports, not one" "$(good_reports_before_return "$region")" yes
	look after
	holds "each client has the region that it had before" cmp "$world/before" "$world/after"
}

# Every client's answer through the resolver, which has forgotten everything.
look() {	# FILE
	peers_flush
	"$ISOBAR_BUILD/tests/tools/ecsflood" -n $clients "$resolver_address" "$resolver_port" $name | cut -d ' ' -f 1,2 >"$world/$1"
}

moved_others() {	# BEFORE DURING ADDRESS: how many clients moved that weren't the dead region's
	join "$world/$1" "$world/$2" | awk -v address="$3" '$2 != address && $2 != $3' | wc -l
}

# The agent's report of the recovered backend is older than the return by at least one report.
good_reports_before_return() {	# REGION
	sqlite3 -cmd '.timeout 5000' "$store" "SELECT CASE WHEN count(*) >= 2 THEN 'yes' ELSE 'no: ' || count(*) END FROM report,
		(SELECT max(at_ms) AS up FROM health_event WHERE region = '$1' AND state = 'up'),
		(SELECT max(at_ms) AS down FROM health_event WHERE region = '$1' AND state = 'down')
		WHERE region = '$1' AND received_ms > down AND received_ms <= up"
}

# ---- an agent --------------------------------------------------------------------------------------------------------

silent_agent() {	# REGION
	local region=$1 address=${world_address[$1]}
	world_stop "agent-$region" KILL
	awaited "$region without its agent is silent" 15 world_region_is "$region" silent
	look silent
	holds "silence alone moves nobody" cmp "$world/before" "$world/silent"
	world_stop "backend-$region" KILL
	awaited "its dead backend is seen from outside" 15 dead_in "$region"
	look outside
	same "nobody gets $region any more" "$(grep -cF " $address" "$world/outside")" 0
	same "clients of other regions keep theirs, again" "$(moved_others before outside "$address")" 0
	world_backend "$region"
	awaited "its backend is seen to be back from outside" 15 alive_in "$region"
	look back
	holds "each client has its region again" cmp "$world/before" "$world/back"
	world_agent_again "$region"
	awaited "$region reports again" 15 world_region_serves "$region"
}

dead_in() {	# REGION
	world_get "/v1/regions/$1" | jq -e --arg name "$name." '.services[] | select(.service == $name).dead'
}

alive_in() {	# REGION
	world_get "/v1/regions/$1" | jq -e --arg name "$name." '.services[] | select(.service == $name) | (.dead | not) and .admits == 1'
}

world_agent_again() {	# REGION; its token is known
	world_start "agent-$1" "$ISOBAR_BUILD/rem-agent/isobar-rem" -c "$world/rem-$1.yaml"
}

# ---- our own parts ---------------------------------------------------------------------------------------------------

pae_dies() {
	local child
	awaited "isobar-pae runs" 15 pae_runs 0
	child=$(cat "/proc/${world_pids[isobard]}/task/"*/children | tr ' ' '\n' | grep . | head -n 1)
	kill -KILL "$child"
	same "without isobar-pae all clients are answered" "$(answered)" $clients
	awaited "isobar-pae is started again" 15 pae_runs 1
}

pae_runs() {	# RESTARTS at least
	world_get /v1/status | jq -e --argjson least "$1" '.pae.running and .pae.restarts >= $least'
}

answered() {	# how many clients isobard itself answers now
	"$ISOBAR_BUILD/tests/tools/ecsflood" -n $clients 127.0.0.1 "$dns_port" $name | grep -cE ' 127\.0\.0\.1[123] '
}

# No file may grow (RLIMIT_FSIZE): for a writer that's the same as a file system that became read-only.
store_refuses() {
	local isobard=${world_pids[isobard]}
	report
	same "a report is taken" "$status" 201
	prlimit --pid "$isobard" --fsize=1:
	awaited "a store that can't be written refuses reports with 503" 15 refused
	same "and says when to come again" "$(retry_after)" yes
	same "and refuses changes with 503" "$(change)" 503
	same "and all clients are answered" "$(answered)" $clients
	holds "and the status tells of it" test "$(world_get /v1/status | jq .store.failing)" = true
	prlimit --pid "$isobard" --fsize=unlimited:
	awaited "a store that can be written again takes reports" 15 taken
	same "and changes" "$(change)" 200
}

store_full() {
	if [ -z "${world_mounted-}" ]; then
		echo "skipped: no disk of its own can be mounted for the store"
		return
	fi
	dd if=/dev/zero of="$world/store/fill" bs=16k 2>/dev/null
	awaited "a full disk refuses reports with 503" 15 refused
	same "on a full disk all clients are answered" "$(answered)" $clients
	rm "$world/store/fill"
	awaited "with room again reports are taken" 15 taken
}

report() {	# sets status; writes down what was acknowledged
	sequence=$((sequence + 1))
	status=$(curl -s -D "$world/headers" -o "$world/body" -w '%{http_code}' --max-time 10 --unix-socket "$api_socket" \
		-H 'Content-Type: application/json' http://isobard/v1/regions/ap-south/reports \
		-d "{\"agent\": \"tester\", \"sequence\": $sequence, \"time\": $(date +%s), \"metrics\": {\"sequence\": $sequence}}")
	[ "$status" != 201 ] || echo "$sequence" >>"$world/acknowledged"
}

refused() {
	report
	[ "$status" = 503 ]
}

taken() {
	report
	[ "$status" = 201 ]
}

retry_after() {
	grep -qi '^retry-after: [0-9]' "$world/headers" && echo yes
}

change() {
	curl -s -o "$world/body" -w '%{http_code}' --max-time 10 --unix-socket "$api_socket" -X PUT \
		-H 'Content-Type: application/json' -d '{"ttl": 60, "rdata": ["192.0.2.77"]}' \
		"http://isobard/v1/zones/gtm.example.com./records/changed.gtm.example.com./A"
}

# Whatever was acknowledged is in the store, after a kill too.
nothing_lost() {
	world_stop isobard KILL
	sort -n "$world/acknowledged" >"$world/expected"
	sqlite3 -cmd '.timeout 5000' "$store" "SELECT sequence FROM report WHERE agent = 'tester' ORDER BY sequence" >"$world/stored"
	holds "some reports were acknowledged" test -s "$world/expected"
	same "no acknowledged report is lost" "$(comm -23 <(sort "$world/expected") <(sort "$world/stored") | wc -l)" 0
}

main
