#!/usr/bin/env bash
# tests/world/crash.sh -- isobard and isobar-pae are killed in the middle of work (kill -9), again and again. Clients
# write down what was acknowledged to them; after each restart all of it must be there, and in force.
# What an agent keeps of its reports when it or isobard is killed is in tests/daemon/rem.sh.
# shellcheck disable=SC2317 # functions are called by name
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

for program in dig curl jq sqlite3; do
	command -v $program >/dev/null || { echo "skipped: $program isn't installed"; exit 77; }
done
world_open

rounds=3
reporters=3
least=60	# reports of each round that are acknowledged before the kill

main() {
	local round
	world_prepare
	sed -i '/ probe: /d; s/pae-update-interval: .*/pae-update-interval: 1s/' "$world/zones/steering.yaml"
	world_isobard || { not_ok "isobard is ready" "$(cat "$world/log/isobard")"; finish; }
	touch "$world/reports" "$world/changes"
	for ((round = 1; round <= rounds; round++)); do
		kill_at_work $round
	done
	kill_pae
	finish
}

kill_at_work() {	# ROUND
	local i
	for ((i = 1; i <= reporters; i++)); do
		world_start "reporter-$i" send_reports "$1" $i
	done
	world_start changer send_changes "$1"
	world_await 20 reports_acknowledged $(($1 * least))
	same "round $1: reports and changes are acknowledged" $? 0
	world_stop isobard KILL
	for ((i = 1; i <= reporters; i++)); do
		world_stop "reporter-$i"
	done
	world_stop changer
	world_isobard
	same "round $1: isobard is ready again" $? 0
	same "round $1: every acknowledged report is in the store" "$(lost_reports)" ""
	same "round $1: every acknowledged change is answered" "$(lost_changes)" ""
	same "round $1: the journal's chain is whole" "$(world_get '/v1/audit?verify=true' | jq -c '.chain.whole')" true
	same "round $1: a report that was acknowledged counts once" "$(post_report "$(tail -n 1 "$world/reports")")" 200
	same "round $1: SQLite finds the store whole" "$(sqlite3 -cmd '.timeout 5000' "$store" 'PRAGMA integrity_check')" ok
}

reports_acknowledged() {	# NUMBER
	[ "$(wc -l <"$world/reports")" -ge "$1" ] && [ -s "$world/changes" ]
}

# Until isobard doesn't answer any more. Each reporter is an agent; a line is "AGENT SEQUENCE".
send_reports() {	# ROUND NUMBER
	local sequence=$(($1 * 100000)) status=201
	while [ "$status" = 201 ]; do
		sequence=$((sequence + 1))
		status=$(post_report "agent-$2 $sequence")
		[ "$status" != 201 ] || echo "agent-$2 $sequence" >>"$world/reports"
	done
}

post_report() {	# "AGENT SEQUENCE"; prints the status
	curl -s -o /dev/null -w '%{http_code}' --max-time 10 --unix-socket "$api_socket" -H 'Content-Type: application/json' \
		-d "{\"agent\": \"${1% *}\", \"sequence\": ${1#* }, \"time\": $(date +%s), \"metrics\": {\"value\": ${1#* }}}" \
		http://isobard/v1/regions/ap-south/reports
}

# Each change is a record of its own.
send_changes() {	# ROUND
	local number=0 status=200
	while [ "$status" = 200 ]; do
		number=$((number + 1))
		status=$(curl -s -o /dev/null -w '%{http_code}' --max-time 10 --unix-socket "$api_socket" -X PUT \
			-H 'Content-Type: application/json' -d '{"ttl": 60, "rdata": ["192.0.2.7"]}' \
			"http://isobard/v1/zones/gtm.example.com./records/c$1-$number.gtm.example.com./A")
		[ "$status" != 200 ] || echo "c$1-$number" >>"$world/changes"
	done
}

lost_reports() {
	comm -23 <(sort "$world/reports") <(sqlite3 -cmd '.timeout 5000' -separator ' ' "$store" \
		'SELECT agent, sequence FROM report' | sort)
}

lost_changes() {
	local name
	while read -r name; do
		echo "$name.gtm.example.com A"
	done <"$world/changes" >"$world/questions"
	comm -23 <(sort "$world/changes") <(world_dig -f "$world/questions" +noall +answer |
		awk '{ sub(/\..*/, "", $1); print $1 }' | sort)
}

# ---- isobar-pae ------------------------------------------------------------------------------------------------------

kill_pae() {
	local i child
	for i in 1 2 3; do
		world_await 20 pae_runs
		same "kill $i of isobar-pae: it runs" $? 0
		[ $i != 2 ] || world_post /v1/models/train '{}' >/dev/null	# the second while it trains
		child=$(pae_pid)
		kill -KILL "$child"
		same "kill $i of isobar-pae: answers go on" "$(world_dig +short www.gtm.example.com A +subnet=198.51.100.0/24)" 127.0.0.11
	done
	world_await 30 pae_runs
	same "isobar-pae is back after every kill" $? 0
	world_await 20 predicted_since "$(date -u +%Y-%m-%dT%H:%M:%S)"
	same "it predicts again, or says why not" $? 0
	same "no plan was refused" "$(world_get /v1/status | jq -r .pae.plan_refused)" null
	same "SQLite finds the store whole after it" "$(sqlite3 -cmd '.timeout 5000' "$store" 'PRAGMA integrity_check')" ok
}

pae_runs() {
	world_get /v1/status | jq -e .pae.running && [ -n "$(pae_pid)" ]
}

pae_pid() {
	cat "/proc/${world_pids[isobard]}/task/"*/children 2>/dev/null | tr ' ' '\n' | grep . | head -n 1
}

predicted_since() {	# TIME
	world_get /v1/regions | jq -e --arg since "$1" 'all(.regions[]; .predicted != null and .predicted > $since)'
}

main
