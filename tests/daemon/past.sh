#!/usr/bin/env bash
# What was in service stays known: over restarts, at which nobody moves, and for questions about any past moment.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

www=www.gtm.example.com.

main() {
	world_open
	world_prepare
	sed -i '/ probe: /d' "$world/zones/steering.yaml"	# no backends here
	world_settings="pae: external"
	holds "isobard gets ready" world_isobard
	plans
	restarts
	twins
	finish
}

plan() {	# SHARE of eu-west
	cat <<-END
		{"made": "$(date -u +%FT%TZ)", "services": [{"service": "$www", "groups": [{"group": "default", "pairs": [
		  {"primary": "eu-west", "backup": "us-east", "share": $1},
		  {"primary": "us-east", "backup": "eu-west", "share": $(jq -n "0.75 - $1")},
		  {"primary": "ap-south", "backup": "eu-west", "share": 0.25}]}]}]}
	END
}

publish() {	# SHARE
	world_post /v1/plan "$(plan "$1")" >"$world/published"
}

# The region of each of 256 clients of several groups.
regions() {
	local i
	for i in $(seq 0 3 255); do
		printf '%s ' "$(dig @127.0.0.1 -p "${1-$dns_port}" +short +nocookie +tries=2 "+subnet=10.$i.7.0/24" "$www" A)"
		printf '%s ' "$(dig @127.0.0.1 -p "${1-$dns_port}" +short +nocookie +tries=2 "+subnet=192.0.2.$i/32" "$www" A)"
	done
}

epoch() {
	world_get /v1/status | jq .epoch
}

plans() {
	local share
	for share in 0.5 0.3 0.42 0.11 0.47 0.2; do
		publish "$share" || not_ok "a plan with $share" "$(cat "$world/published")"
	done
	world_ctl -j status >/dev/null
}

tables() {	# DATABASE; how many octets of tables the store has by service and epoch
	python3 - "$1" <<-'END'
		import sqlite3, sys
		for row in sqlite3.connect(sys.argv[1]).execute(
		    "SELECT service, epoch, base, length(body) FROM epoch_tables ORDER BY 1, 2"): print(*row)
	END
}

restarts() {
	local before after epoch_before shares n
	before=$(regions)
	shares=$(world_get /v1/weights | jq -c '[.services[].groups[]]')
	epoch_before=$(epoch)
	for n in 1 2; do
		world_stop isobard
		holds "it starts again, $n" world_isobard
		after=$(regions)
		same "every client has the region that it had before restart $n" "$after" "$before"
		same "shares are the same after restart $n" "$(world_get /v1/weights | jq -c '[.services[].groups[]]')" "$shares"
		same "epochs go on after restart $n" "$(epoch)" "$((epoch_before + n))"
	done
	publish 0.3 >/dev/null
	publish 0.2 >/dev/null
	world_stop isobard KILL
	world_isobard
	holds "a difference to what was restored is read back" grep -q "answering on" "$world/log/isobard"
	if grep -q "isn't known, clients may move" "$world/log/isobard"; then
		not_ok "what was in service is always known" "$(grep "isn't known" "$world/log/isobard")"
	else
		ok "what was in service is always known"
	fi
}

# The same inputs in the same order: the same tables.
twins() {
	local first second
	rm -f "$world"/isobar.db*
	world_stop isobard
	first=$(twin one)
	second=$(twin two)
	holds "two daemons answered" test -n "$first"
	same "two daemons with the same inputs answer alike" "$second" "$first"
}

twin() {	# NAME
	store=$world/$1.db world_isobard
	plans
	regions
	world_stop isobard
}

main "$@"
