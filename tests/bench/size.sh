#!/usr/bin/env bash
# tests/bench/size.sh -- `make size`: a million names in one zone, and ten thousand zones, in isobard beside NSD and Knot:
# processor time and seconds until the first right answer, memory; then a change of one record and of the whole zone while
# dnsperf asks: how long until it's answered, and how many queries were lost.
# In: ISOBAR_BUILD, ISOBAR_SOURCE; optionally NAMES (1000000) and ZONES (10000).  Out: tables.
set -u
. "$ISOBAR_SOURCE/zones/demo/world.sh"
names=${NAMES-1000000}
zones=${ZONES-10000}
tick_ms=$((1000 / $(getconf CLK_TCK)))

main() {
	world_open
	mkdir "$world/one" "$world/many"
	one_zone 1 >"$world/one/big.example.zone"
	many_zones
	printf '%-22s %-10s %10s %10s %12s\n' zones server "CPU s" seconds "memory MB"
	compare "$names names in one" one "h$((names - 1)).big.example" big.example
	compare "$zones zones" many "www.z$zones.example" $(seq -f 'z%.0f.example' 1 "$zones")
	change
}

one_zone() {	# SERIAL
	awk -v n="$names" -v serial="$1" 'BEGIN {
		print "$TTL 300\n@ IN SOA ns1 hostmaster " serial " 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 127.0.0.1"
		for (i = 0; i < n; i++)
			printf "h%d IN A 10.%d.%d.%d\n", i, i / 65536 % 256, i / 256 % 256, i % 256
	}'
}

many_zones() {
	local i
	for ((i = 1; i <= zones; i++)); do
		# shellcheck disable=SC2016 # $TTL is for the zone
		printf '$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 127.0.0.1\nwww IN A 10.0.0.1\n' \
			>"$world/many/z$i.example.zone"
	done
}

compare() {	# TITLE FOLDER NAME ZONE...
	local server
	for server in isobard nsd knotd; do
		if ! command -v "$server" >/dev/null && [ $server != isobard ]; then
			printf '%-22s %-10s not installed\n' "$1" $server
			continue
		fi
		world_port && port=$REPLY
		start_$server "$2" "${@:4}"
		measure "$1" $server "$3"
		world_stop $server
	done
}

start_isobard() {	# FOLDER ZONE...
	rm -f "$world"/isobar.db*
	write_settings "$1"
	began=$(date +%s%N)
	world_start isobard "$ISOBAR_BUILD/src/isobard" -c "$world/isobar.yaml"
}

write_settings() {	# FOLDER
	cat >"$world/isobar.yaml" <<-END
		listen: [127.0.0.1@$port]
		zones: $world/$1
		store: $world/isobar.db
		api: {socket: $world/isobar.sock, listen: none}
		workers: 1
		pae: external
	END
}

start_nsd() {	# FOLDER ZONE...
	local folder=$1 zone
	shift
	{
		cat <<-END
			server:
			    ip-address: 127.0.0.1@$port
			    username: ""
			    chroot: ""
			    zonesdir: "$world/$folder"
			    database: ""
			    pidfile: "$world/nsd.pid"
			    xfrdfile: "$world/xfrd.state"
			    zonelistfile: "$world/zone.list"
			    server-count: 1
			remote-control:
			    control-enable: no
		END
		for zone; do
			printf 'zone:\n    name: %s\n    zonefile: %s.zone\n' "$zone" "$zone"
		done
	} >"$world/nsd.conf"
	began=$(date +%s%N)
	world_start nsd nsd -d -c "$world/nsd.conf"
}

start_knotd() {	# FOLDER ZONE...
	local folder=$1
	shift
	rm -rf "$world/knot"
	mkdir "$world/knot"
	{
		cat <<-END
			server:
			    rundir: $world/knot
			    listen: 127.0.0.1@$port
			    udp-workers: 1
			    tcp-workers: 1
			    background-workers: 1
			database:
			    storage: $world/knot
			template:
			  - id: default
			    storage: $world/$folder
			    file: "%s.zone"
			    journal-content: none
			    zonefile-sync: -1
			zone:
		END
		printf '  - domain: %s\n' "$@"
	} >"$world/knot.conf"
	began=$(date +%s%N)
	world_start knotd knotd -c "$world/knot.conf"
}

answers() {	# NAME
	dig @127.0.0.1 -p "$port" +short +tries=1 +time=1 "$1" | grep -q '^10\.'
}

measure() {	# TITLE SERVER NAME
	local ended
	world_await 300 answers "$3" || { echo "size: $2 doesn't answer $3" >&2; tail -n 5 "$world/log/$2" >&2; exit 1; }
	ended=$(date +%s%N)
	printf '%-22s %-10s %10s %10s %12s\n' "$1" "$2" "$(used "${world_pids[$2]}")" \
		"$(awk -v ns=$((ended - began)) 'BEGIN { printf "%.1f", ns / 1e9 }')" "$(memory "${world_pids[$2]}")"
}

used() {	# PID: processor time of it and its children, in seconds
	local pid sum=0 fields
	for pid in $(family "$1"); do
		fields=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) || continue
		# shellcheck disable=SC2086 # one field a word
		set -- $fields
		sum=$((sum + ${12} + ${13}))
	done
	awk -v ms=$((sum * tick_ms)) 'BEGIN { printf "%.1f", ms / 1000 }'
}

memory() {	# PID: what it and its children don't share, and their part of what they do
	local pid sum=0
	for pid in $(family "$1"); do
		sum=$((sum + $(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null || echo 0)))
	done
	echo $((sum / 1024))
}

family() {	# PID
	local child
	echo "$1"
	while read -r child; do
		family "$child"
	done < <(cat "/proc/$1/task/"*/children 2>/dev/null | tr ' ' '\n' | grep .)
}

# A record by the CLI, then the whole zone with another serial, while queries go on.
change() {
	local began
	world_port && port=$REPLY
	api_socket=$world/isobar.sock
	start_isobard one
	world_await 300 answers "h1.big.example"
	printf 'h1.big.example A\nh%d.big.example A\nnone.big.example A\n' $((names - 1)) >"$world/queries"
	world_start dnsperf dnsperf -s 127.0.0.1 -p "$port" -d "$world/queries" -l 60 -c 4 -Q 2000
	printf '\n%-44s %10s\n' "in the zone of $names names" seconds
	began=$(date +%s%N)
	world_ctl --timeout 120 record set big.example. new A 10.9.9.9 >/dev/null
	world_await 60 answers new.big.example
	told "a record set, until it's answered" "$began"
	one_zone 100 >"$world/new.zone"
	began=$(date +%s%N)
	world_ctl --timeout 120 zone import "$world/new.zone" big.example. >/dev/null
	world_await 60 is_serial 100
	told "the whole zone read anew" "$began"
	world_stop dnsperf INT
	grep -E 'Queries (sent|lost)|Average Latency|Latency StdDev' "$world/log/dnsperf"
}

is_serial() {	# SERIAL
	dig @127.0.0.1 -p "$port" +short +tries=1 +time=1 big.example SOA | grep -q " $1 "
}

told() {	# TITLE BEGAN
	printf '%-44s %10s\n' "$1" "$(awk -v ns=$(($(date +%s%N) - $2)) 'BEGIN { printf "%.1f", ns / 1e9 }')"
}

main
