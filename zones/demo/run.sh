#!/usr/bin/env bash
# zones/demo/run.sh -- the demonstration, run by `./dev demo`: three regions on loopback with real backends and agents.
#
#   run.sh          starts it, prints what to try, shows how things stand every few seconds, and ends on Ctrl-C
#   run.sh --once   starts it, asks, checks and prints the answers, lets a backend die, and ends; 0 if all was right
#
# It needs the programs in ISOBAR_BUILD (build/gcc of the checkout if that's not set). All that it writes is in one
# folder, which goes away with it.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
ISOBAR_SOURCE=$(cd "$here/../.." && pwd)
ISOBAR_BUILD=${ISOBAR_BUILD-$ISOBAR_SOURCE/build/gcc}
. "$here/world.sh"

service=www.gtm.example.com
show_every=3		# seconds

main() {
	case "${1-}" in
	--once)
		leak_minutes=72	# of 80: the model, which looks ten minutes ahead, has found it
		start_world
		check_all
		;;
	"")
		world_interrupted=0
		leak_minutes=65	# the model finds it in the first minutes
		start_world
		print_what_to_try
		world_start load make_load
		while world_runs isobard; do
			show_table
			sleep "$show_every"
		done
		fail "isobard ended by itself"
		;;
	*)
		echo "usage: $0 [--once]" >&2
		exit 2
		;;
	esac
}

fail() {	# WHY; with what the programs said last
	local log
	echo "demo: $1" >&2
	for log in "$world"/log/*; do
		echo "--- ${log##*/}" >&2
		tail -n 15 "$log" >&2
	done
	exit 1
}

# ---- starting --------------------------------------------------------------------------------------------------------

start_world() {
	local region
	world_open
	world_prepare
	echo "Starting isobard, and a backend and an agent in each of ${#world_regions[@]} regions ..."
	world_app=$here/app.lua
	BEGIN=$(date +%s)
	export BEGIN
	for region in "${world_regions[@]}"; do
		start_backend "$region"
	done
	load_history
	world_isobard || fail "isobard doesn't answer"
	for region in "${world_regions[@]}"; do
		world_agent "$region" || fail "the agent of $region can't be started"
	done
	for region in "${world_regions[@]}"; do
		world_await 30 world_region_serves "$region" || fail "$region isn't reported as healthy"
	done
}

# As if the agents had reported for a hundred minutes. The predictive engine starts when that's in the store.
load_history() {
	local region
	world_settings="pae: external"
	world_isobard || fail "isobard doesn't answer"
	for region in "${world_regions[@]}"; do
		world_history "$region" || fail "the history of $region isn't taken"
	done
	world_stop isobard || fail "isobard doesn't end well"
	world_isobard || fail "isobard doesn't answer"
	world_await 20 rolled_up || fail "the history isn't summed up by minute"
	world_stop isobard || fail "isobard doesn't end well"
	world_settings=
}

# After a start without agents, all that the store's writer does is upkeep. True when it has come to rest.
rolled_up() {
	local now
	now=$(world_get /v1/stats | jq -c '.store | select(.queue == 0 and .jobs > 0).jobs')
	[ -n "$now" ] && [ "$now" = "${jobs_before-}" ] && return
	jobs_before=$now
	sleep 0.3
	return 1
}

start_backend() {	# REGION
	local -A share=([eu-west]=0.5 [us-east]=0.3 [ap-south]=0.2)
	local -A leak=([ap-south]=$leak_minutes)
	SHARE=${share[$1]} LEAK=${leak[$1]-} world_backend "$1" || fail "the backend of $1 doesn't answer"
}

# Some requests a second, sent as a hundred clients would: each asks for an address, and goes where the answer says.
make_load() {
	local round=0 address share count
	trap 'exit 0' TERM
	while :; do
		for _ in {1..20}; do
			echo "$service A +subnet=10.$((RANDOM % 4)).$((RANDOM % 256)).0/24"
		done >"$world/clients"
		# Between 40 and 200 requests a second, in waves of two minutes.
		count=$((2 + (round % 120 < 60 ? round % 60 : 60 - round % 60) * 8 / 60))
		dig "@127.0.0.1" -p "$dns_port" +short +tries=1 +time=1 -f "$world/clients" | sort | uniq -c |
			while read -r share address; do
				curl -s -o /dev/null --max-time 2 "http://$address:$backend_port/?[1-$((share * count))]"
			done
		round=$((round + 1))
		sleep 0.8
	done
}

# ---- showing ---------------------------------------------------------------------------------------------------------

print_what_to_try() {
	cat <<-END

		Three regions serve $service. To try, in another terminal:

		  dig @127.0.0.1 -p $dns_port $service                             # shared by weight and forecast
		  dig @127.0.0.1 -p $dns_port $service AAAA
		  dig @127.0.0.1 -p $dns_port $service +subnet=198.51.100.0/24     # Germany: by law only eu-west
		  dig @127.0.0.1 -p $dns_port cdn.gtm.example.com +subnet=203.0.113.0/24   # India: nearest is ap-south
		  dig @127.0.0.1 -p $dns_port api.gtm.example.com                             # a new draw each time
		  dig @127.0.0.1 -p $dns_port any.shop.gtm.example.com                        # a wildcard
		  dig @127.0.0.1 -p $dns_port big.gtm.example.com TXT                         # too big for UDP
		  curl http://127.0.0.11:$backend_port/                                          # the backend of eu-west

		Look inside, and take a region out of service by hand:

		  alias isobarctl='$ISOBAR_BUILD/src/isobarctl --socket $api_socket'
		  isobarctl status
		  isobarctl explain $service --client 198.51.100.7
		  isobarctl drain us-east --for 5m --reason "to see what happens"

		Or let a backend die, and see its region leave the answers:

		  kill ${world_pids[backend-us-east]}

		A hundred minutes of history were loaded, in which the application of ap-south began to leak memory. In the next
		minutes the model finds out: see the failure that it expects rise, and the share of ap-south fall.
		Ctrl-C ends everything.

	END
}

show_table() {
	local regions
	regions=$(world_get /v1/regions) || return
	date '+%H:%M:%S'
	world_get "/v1/services/$service." | jq -r --argjson regions "$regions" '
		def percent: if . == null then "-" else "\(. * 1000 | round / 10) %" end;
		def number: if . == null then "-" else (. | round | tostring) end;
		["region", "state", "share", "now", "answers", "load/capacity", "expected failure"],
		(.regions[] | . as $r | ($regions.regions[] | select(.region == $r.region)) as $region | [
			.region, (if .dead then "down" else $region.state end), (.share | percent), (.now | percent), (.answers | tostring),
			(($region.load | number) + "/" + ($region.capacity | number)),
			(if $region.probability != null then ($region.probability | percent) else "none: " + $region.no_prediction end)])
		| @tsv' | awk -F '\t' '{ printf "%-9s  %-7s  %7s  %7s  %8s  %13s  %s\n", $1, $2, $3, $4, $5, $6, $7 }'
	echo
}

# ---- checking --------------------------------------------------------------------------------------------------------

wrong=0

check_all() {
	local region
	check_names
	check_steering
	check_forecasts
	echo
	show_table
	check_failover
	if [ $wrong -gt 0 ]; then
		fail "$wrong answers were wrong"
	fi
	echo "All answers were right."
}

check_names() {
	answers "127\.0\.0\.1[123]" $service A
	answers "2001:db8:[123]::1[123]" $service AAAA
	answers "127\.0\.0\.21" any.shop.gtm.example.com A
	answers "www\.gtm\.example\.com\. 127\.0\.0\.1[123]" shop.gtm.example.com A
	answers "" nope.gtm.example.com A
	expect "status: NXDOMAIN" "$(world_dig nope.gtm.example.com A | grep -o 'status: [A-Z]*')" "dig nope.gtm.example.com A"
	expect "6 records by TCP" "$(world_dig big.gtm.example.com TXT | awk '/\tTXT\t/ { n++ } /\(TCP\)/ { t = "by TCP" }
		END { print n, "records", t }')" "dig big.gtm.example.com TXT"
}

check_steering() {
	answers "127\.0\.0\.11" $service A +subnet=198.51.100.0/24
	answers "2001:db8:1::11" $service AAAA +subnet=198.51.100.0/24
	answers "127\.0\.0\.13" cdn.gtm.example.com A +subnet=203.0.113.0/24
	answers "127\.0\.0\.12" cdn.gtm.example.com A +subnet=192.0.2.0/24
	answers "127\.0\.0\.11" db.gtm.example.com A
	expect "2 or 3 regions" "$(clients_answers | sort -u | grep -c '^127\.0\.0\.1[123]$' | sed 's/^[23]$/2 or 3/') regions" \
		"$service for 200 clients, when one is about to fail"
}

# A prediction for each region, or the reason why there is none; and weights for all.
check_forecasts() {
	local region
	world_await 30 forecasts_there || wrong=$((wrong + 1))
	for region in "${world_regions[@]}"; do
		printf 'ok     %-10s share %s, expected failure: %s\n' "$region" \
			"$(world_get "/v1/services/$service." |
				jq -r ".regions[] | select(.region == \"$region\").share * 10000 | round / 10000")" \
			"$(world_get "/v1/regions/$region" | jq -r 'if .probability then .probability * 1000 | round / 1000 else "none, \(.no_prediction)" end')"
	done
	world_get "/v1/services/$service." >"$world/service"
	expect "shares that add up to 1" "$(jq -r '[.regions[].share] | add |
		if . > 0.9999 and . < 1.0001 then "shares that add up to 1" else . end' "$world/service")" "weights of $service"
	expect "true" "$(jq '.regions[] | select(.region == "ap-south") | .probability > 0.1 and .share < 0.18' "$world/service")" \
		"a region that is likely to fail has a smaller share"
}

# Each region has one, and the plan made of them is in force.
forecasts_there() {
	world_get /v1/regions | jq -e 'all(.regions[]; .predicted != null and (.probability != null or (.no_prediction | length) > 0))' &&
		{ world_get /v1/status | jq -e '.pae.planned != null' || ! world_get /v1/regions | jq -e 'any(.regions[]; .probability)'; }
}

check_failover() {
	local region=us-east
	echo "The backend of $region dies."
	world_stop backend-$region KILL
	world_await 30 world_region_is $region down || fail "$region isn't reported as down"
	expect "0 of 200 clients" "$(clients_answers | grep -cF "${world_address[$region]}") of 200 clients" \
		"$service in $region"
	start_backend $region
	world_await 30 world_region_serves $region || fail "$region doesn't come back"
	expect "back" "$(clients_answers | grep -qF "${world_address[$region]}" && echo back)" "$service in $region"
}

clients_answers() {	# of 200 clients, one a line
	local i
	for i in {0..199}; do
		echo "$service A +subnet=10.9.$i.0/24"
	done >"$world/clients"
	world_dig +short -f "$world/clients"
}

answers() {	# PATTERN of all answers, joined by blanks; NAME TYPE [OPTION...]
	local pattern=$1 got
	shift
	got=$(world_dig +short "$@" | tr '\n' ' ')
	got=${got% }
	if [[ $got =~ ^$pattern$ ]]; then
		printf 'ok     dig %s -> %s\n' "$*" "${got:-no records}"
	else
		printf 'WRONG  dig %s -> %s; expected: %s\n' "$*" "${got:-no records}" "${pattern:-no records}"
		wrong=$((wrong + 1))
	fi
}

expect() {	# EXPECTED GOT WHAT
	if [ "$1" = "$2" ]; then
		printf 'ok     %s -> %s\n' "$3" "$2"
	else
		printf 'WRONG  %s -> %s; expected: %s\n' "$3" "${2:-nothing}" "$1"
		wrong=$((wrong + 1))
	fi
}

main "$@"
