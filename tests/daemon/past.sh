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
	moments
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

# The region of each of 172 clients of several groups, in one run of dig.
regions() {
	local i
	for i in $(seq 0 3 255); do
		printf '%s A +subnet=10.%s.7.0/24\n%s A +subnet=192.0.2.%s/32\n' "$www" "$i" "$www" "$i"
	done >"$world/questions"
	dig @127.0.0.1 -p "$dns_port" +short +nocookie +tries=2 -f "$world/questions" | tr '\n' ' '
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

# ---- moments of the past ---------------------------------------------------------------------------------------------

report() {	# SEQUENCE HEALTHY; of eu-west
	world_post /v1/regions/eu-west/reports "{\"agent\": \"a\", \"sequence\": $1, \"time\": \"$(date -u +%FT%TZ)\",
		\"backends\": [{\"name\": \"b1\", \"service\": \"$www\", \"address\": \"127.0.0.11:80\", \"healthy\": $2}]}"
}

region_of() {	# CLIENT; by DNS
	case $(dig @127.0.0.1 -p "$dns_port" +short +nocookie +tries=2 "+subnet=$1" "$www" A) in
		127.0.0.11) echo eu-west ;;
		127.0.0.12) echo us-east ;;
		127.0.0.13) echo ap-south ;;
	esac
}

now() {
	date -u +%FT%T.%3NZ
}

explained() {	# CLIENT TIME; the region
	world_ctl -j explain "$www" --client "$1" --at "$2" | jq -r .chosen
}

clients=(10.1.2.0/24 10.77.3.0/24 192.0.2.9 203.0.113.4 172.16.5.0/24 9.9.9.9 8.8.4.0/24 100.1.1.0/24)

# Remembers when it is, and where each client goes: before and after alike, or a region was just coming back.
moment() {	# NAME
	local client changed try
	for try in {1..10}; do
		for client in "${clients[@]}"; do
			went[$1 $client]=$(region_of "$client")
		done
		sleep 0.02	# moments of a store are milliseconds
		when[$1]=$(now)
		sleep 0.02
		changed=
		for client in "${clients[@]}"; do
			[ "$(region_of "$client")" = "${went[$1 $client]}" ] || changed=$try
		done
		[ -n "$changed" ] || return
	done
}

remembers() {	# HOW; every moment's answers are explained as they were
	local name client wrong=
	for name in "${!when[@]}"; do
		for client in "${clients[@]}"; do
			[ "$(explained "$client" "${when[$name]}")" = "${went[$name $client]}" ] || wrong+=" $name/$client"
		done
	done
	same "explain --at says what was answered, $1" "$wrong" ""
}

moments() {
	declare -gA when=() went=()
	publish 0.6 >/dev/null
	moment many
	report 1 false >/dev/null
	moment dead
	publish 0.05 >/dev/null
	moment few
	report 2 true >/dev/null
	report 3 true >/dev/null
	report 4 true >/dev/null
	world_post /v1/overrides '{"region": "us-east", "share": 0, "for_s": 600, "reason": "test", "force": true}' >/dev/null
	moment drained
	publish 0.3 >/dev/null
	moment later
	remembers "from all moments"
	world_stop isobard
	world_isobard
	remembers "also after a restart"
	holds "a death has its cause" grep -q "eu-west .*removed: it's dead: " \
		<<<"$(world_ctl explain "$www" --client 10.1.2.3 --at "${when[dead]}")"
	holds "and a drain is told" grep -q "us-east .*removed: it's drained" \
		<<<"$(world_ctl explain "$www" --client 10.1.2.3 --at "${when[drained]}")"
	holds "an epoch by its number" grep -q "in epoch 3 that was published" \
		<<<"$(world_ctl explain "$www" --client 10.1.2.3 --at "epoch 3")"
	holds "some time ago" grep -q "in epoch" <<<"$(world_ctl explain "$www" --client 10.1.2.3 --at "1s ago")"
	holds "before its memory it says since when" grep -q "begins with epoch 1 at" \
		<<<"$(world_ctl explain "$www" --client 10.1.2.3 --at "7d ago" 2>&1)"
	holds "no moment" grep -q "is no moment such as" \
		<<<"$(world_ctl explain "$www" --client 10.1.2.3 --at yesterday 2>&1)"
	holds "what wasn't a service then" grep -q "wasn't a service then" \
		<<<"$(world_ctl explain ns1.gtm.example.com --client 10.1.2.3 --at "1s ago" 2>&1)"
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
