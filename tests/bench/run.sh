#!/usr/bin/env bash
# tests/bench/run.sh -- `make bench`: isobard beside NSD on the same names in the same run, the time from the report of a
# dead region to the first right answer, the rate of samples that the store makes durable, and how long a plan takes.
# Prints tables.
# In: ISOBAR_BUILD, ISOBAR_SOURCE; optionally SECONDS_EACH (5) and ROUNDS (3): how long dnsperf asks, and how often;
# BEFORE: another isobard, such as one of an earlier version, to be asked in the same rounds.
# The servers run on the first processor with one thread each, dnsperf on the second. CPU time is that of the server's
# processes, from /proc/PID/stat, over the queries that dnsperf saw answered.
set -u
. "$ISOBAR_SOURCE/zones/demo/world.sh"
seconds=${SECONDS_EACH-5}
rounds=${ROUNDS-3}
tick_us=$((1000000 / $(getconf CLK_TCK)))

main() {
	world_open
	[ "$(nproc)" -gt 1 ] || echo "One processor only: server and client share it, and the rates are those of both."
	start_servers
	compare_servers
	for server in "${servers[@]}"; do
		world_stop "$server"
	done
	measure_failover
	measure_store
	"$ISOBAR_BUILD/tests/bench/bench_planner"
}

fail() {
	echo "bench: $1" >&2
	tail -n 20 "$world"/log/* >&2
	exit 1
}

# ---- answers, beside NSD ---------------------------------------------------------------------------------------------

servers=(NSD isobard isobard-guarded)
[ -n "${BEFORE-}" ] && servers+=(isobard-before)
declare -A ports

# For NSD the steered name is an ordinary one: what each has to do for the same name is the comparison. isobard-guarded
# signs the zone, and limits responses by rates that nobody reaches.
start_servers() {
	world_prepare
	local server nsd_port
	world_port && nsd_port=$REPLY
	sed -i '/ probe: /d' "$world/zones/steering.yaml"
	printf 'plain\tIN A 192.0.2.1\n\tIN AAAA 2001:db8::1\n' >>"$world/zones/gtm.example.com.zone"
	mkdir "$world/nsd"
	{
		cat "$world/zones/gtm.example.com.zone"
		printf 'www\tIN A 127.0.0.11\n\tIN AAAA 2001:db8:1::11\n'
	} >"$world/nsd/gtm.example.com.zone"
	cat >"$world/nsd/nsd.conf" <<-END
		server:
		    ip-address: 127.0.0.1@$nsd_port
		    username: ""
		    chroot: ""
		    zonesdir: "$world/nsd"
		    database: ""
		    pidfile: "$world/nsd/nsd.pid"
		    xfrdfile: "$world/nsd/xfrd.state"
		    zonelistfile: "$world/nsd/zone.list"
		    server-count: 1
		    rrl-ratelimit: 0
		remote-control:
		    control-enable: no
		zone:
		    name: gtm.example.com
		    zonefile: gtm.example.com.zone
	END
	world_start NSD taskset -c 0 nsd -d -c "$world/nsd/nsd.conf"
	ports[NSD]=$nsd_port
	start_isobard isobard "$ISOBAR_BUILD/src/isobard"
	[ -z "${BEFORE-}" ] || start_isobard isobard-before "$BEFORE"
	printf 'zones: {gtm.example.com: {dnssec: on}}\n' >>"$world/zones/steering.yaml"
	start_isobard isobard-guarded "$ISOBAR_BUILD/src/isobard" 'rate-limit: {all: 1000000, answers: 1000000, exempt: []}'
	sed -i '/^zones: /d' "$world/zones/steering.yaml"
	for server in "${servers[@]}"; do
		world_await 20 dig @127.0.0.1 -p "${ports[$server]}" +tries=1 +time=1 plain.gtm.example.com ||
			fail "$server doesn't answer"
	done
	printf 'plain.gtm.example.com A\nplain.gtm.example.com AAAA\n' >"$world/plain"
	printf 'www.gtm.example.com A\nwww.gtm.example.com AAAA\n' >"$world/steered"
}

start_isobard() {	# NAME PROGRAM [SETTING]
	local api_port
	world_port && ports[$1]=$REPLY
	world_port && api_port=$REPLY
	cat >"$world/$1.yaml" <<-END
		listen: [127.0.0.1@${ports[$1]}]
		workers: 1
		zones: $world/zones
		store: $world/$1.db
		models: $ISOBAR_SOURCE/models
		pae: external
		api: {socket: $world/$1.sock, listen: 127.0.0.1@$api_port}
		${3-}
	END
	world_start "$1" taskset -c 0 "$2" -c "$world/$1.yaml"
	world_await 30 curl -sf -o /dev/null --max-time 2 --unix-socket "$world/$1.sock" http://isobard/readyz ||
		fail "$1 doesn't start"
}

# Rounds are interleaved, so that what else the machine does falls on all; the least of each is shown, since that only
# ever adds.
compare_servers() {
	local name server round
	declare -A best_rate least_cpu
	for ((round = 0; round < rounds; round++)); do
		for name in plain steered; do
			for server in "${servers[@]}"; do
				ask "$name" "${ports[$server]}" "${world_pids[$server]}"
				[ "$rate" -gt "${best_rate[$name $server]-0}" ] && best_rate[$name $server]=$rate
				least_cpu[$name $server]=$(printf '%s\n' "$cpu" "${least_cpu[$name $server]-$cpu}" | sort -g | head -n 1)
			done
		done
	done
	printf '%-10s %-16s %12s %16s\n' name server queries/s "CPU us/query"
	for name in plain steered; do
		for server in "${servers[@]}"; do
			printf '%-10s %-16s %12s %16s\n' "$name" "$server" "${best_rate[$name $server]}" "${least_cpu[$name $server]}"
		done
	done
	echo
}

ask() {	# QUERIES PORT PID; sets rate and cpu
	local before after
	before=$(ticks "$3")
	taskset -c $(($(nproc) > 1)) dnsperf -s 127.0.0.1 -p "$2" -d "$world/$1" -l "$seconds" -c 8 -q 400 -e \
		>"$world/dnsperf" 2>&1 || fail "dnsperf: $(tail -n 3 "$world/dnsperf")"
	after=$(ticks "$3")
	rate=$(awk '/Queries per second:/ { printf "%d", $4 }' "$world/dnsperf")
	cpu=$(awk -v ticks=$((after - before)) -v us="$tick_us" '/Queries completed:/ { printf "%.2f", ticks * us / $3 }' \
		"$world/dnsperf")
}

# User and system time of a process and its descendants.
ticks() {	# PID
	local pid sum=0 fields
	for pid in "$1" $(descendants "$1"); do
		fields=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) || continue
		# shellcheck disable=SC2086 # one field a word
		set -- $fields
		sum=$((sum + ${12} + ${13}))
	done
	echo "$sum"
}

descendants() {	# PID
	local child
	while read -r child; do
		echo "$child"
		descendants "$child"
	done < <(cat "/proc/$1/task/"*/children 2>/dev/null | tr ' ' '\n' | grep .)
}

# ---- failover --------------------------------------------------------------------------------------------------------

measure_failover() {
	sed -i 's/health-check-interval: .*/health-check-interval: 1h/' "$world/zones/steering.yaml"
	world_settings="pae: external"
	world_isobard || fail "isobard doesn't start"
	"$ISOBAR_BUILD/tests/bench/bench_failover" "$api_socket" 127.0.0.1 "$dns_port" www.gtm.example.com eu-west 127.0.0.11 300 ||
		fail "the failover bench failed"
	echo
	world_stop isobard
}

measure_store() {
	"$ISOBAR_BUILD/tests/bench/bench_store" "$world"
}

main
