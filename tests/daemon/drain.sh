#!/usr/bin/env bash
# Drains, ramps and drills against a running isobard: what is refused with which numbers, what a restart keeps, what ends
# a drill, and what is told of all that.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

program=$ISOBAR_BUILD/src/isobarctl
www=www.drain.example.
sequence=0

main() {
	world_open
	world_prepare
	write_zones
	world_settings="pae: external" world_isobard
	same "isobard gets ready" $? 0
	without_demand
	planned
	dry_run
	budget
	one_service
	ramps
	restart_in_a_ramp
	drills
	drills_that_hurt
	restart_in_a_drill
	recovery
	finish
}

# Three regions of 100 requests/s; the plan will bring 150 to www.
write_zones() {
	rm "$world/zones/"*
	cat >"$world/zones/drain.example.zone" <<-END
		\$ORIGIN drain.example.
		\$TTL 60
		@ IN SOA ns1 hostmaster 1 7200 900 1209600 60
		@ IN NS ns1
		ns1 IN A 127.0.0.1
		a._region.www IN A 192.0.2.1
		b._region.www IN A 192.0.2.2
		c._region.www IN A 192.0.2.3
		a._region.api IN A 192.0.2.1
		b._region.api IN A 192.0.2.2
	END
	cat >"$world/zones/steering.yaml" <<-END
		health-check-interval: 60s
		recovery: {hold-down: 5s, half-life: 1h, steps: [0.25], step-time: 4s}
		regions: {a: {capacity: 100}, b: {capacity: 100}, c: {capacity: 100}}
		services:
		  $www: {sharding-policy: predictive, regions: [a, b, c], ttl: {max: 1s}}
		  api.drain.example: {sharding-policy: priority, regions: [b, a]}
	END
}

run() {	# ARGUMENTS: sets status, out and err
	"$program" -s "$api_socket" "$@" >"$world/out" 2>"$world/err"
	status=$?
	out=$(<"$world/out")
	err=$(<"$world/err")
}

is() {	# NAME STATUS [TEXT in what was printed]
	if [ "$status" != "$2" ]; then
		not_ok "$1" "status $status instead of $2: $out $err"
	elif [[ "$out"$'\n'"$err" != *"${3-}"* ]]; then
		not_ok "$1" "'$3' isn't in: $out $err"
	else
		ok "$1"
	fi
}

told() {	# NAME PATH FILTER
	local answer
	answer=$(world_get "$2")
	if jq -e "$3" <<<"$answer" >/dev/null 2>&1; then ok "$1"; else not_ok "$1" "$3 isn't true of: $answer"; fi
}

post() {	# PATH BODY
	curl -sS -o "$world/answer" -w '%{http_code}' --unix-socket "$api_socket" -H 'Content-Type: application/json' -d "$2" "http://isobar$1"
}

report() {	# REGION HEALTHY/ALL [LOAD [LATENCY]]
	local healthy=${2%/*} all=${2#*/} i list=""
	sequence=$((sequence + 1))
	for ((i = 1; i <= all; i++)); do
		list+="${list:+,}{\"name\": \"b$i\", \"service\": \"$www\", \"address\": \"192.0.2.1:80\",
			\"healthy\": $([ "$i" -le "$healthy" ] && echo true || echo false), \"latency_ms\": ${4-5}}"
	done
	same "a report of $1" "$(post "/v1/regions/$1/reports" "{\"agent\": \"x\", \"sequence\": $sequence,
		\"time\": \"$(date -u +%FT%T.%3NZ)\", \"backends\": [$list], \"load\": {\"$www\": ${3-50}}}")" 201
}

all_well() {
	report a 4/4
	report b 4/4
	report c 4/4
}

admits() {	# REGION [SERVICE]
	world_get "/v1/regions/$1" | jq --arg service "${2-$www}" '.services[] | select(.service == $service).admits'
}

whole() {	# REGION
	[ "$(admits "$1")" = 1 ]
}

no_overrides() {
	world_get /v1/overrides | jq -e '.overrides == []'
}

between() {	# LEAST VALUE MOST
	awk -v a="$1" -v b="$2" -v c="$3" 'BEGIN { exit !(a <= b && b <= c) }' || { echo "$2 isn't from $1 to $3"; return 1; }
}

# ---- drains ----------------------------------------------------------------------------------------------------------

without_demand() {
	run drain a --for 1h --reason "no plan yet" --dry-run
	is "without demand the others aren't judged" 0 "wasn't checked"
	is "but who moves is told" 0 "% of all clients are served elsewhere"
}

planned() {
	local plan
	plan='{"made": "'$(date -u +%FT%TZ)'", "model": "m", "loss_limit": 1, "normal_limit": 0.85, "services": [
		{"service": "'$www'", "groups": [{"group": "default", "demand": 150, "pairs": [
			{"primary": "a", "backup": "b", "share": 0.166666666666666}, {"primary": "a", "backup": "c", "share": 0.166666666666667},
			{"primary": "b", "backup": "a", "share": 0.166666666666667}, {"primary": "b", "backup": "c", "share": 0.166666666666667},
			{"primary": "c", "backup": "a", "share": 0.166666666666667}, {"primary": "c", "backup": "b", "share": 0.166666666666666}]}]}]}'
	same "a plan for 150 requests/s" "$(post /v1/plan "$plan"; jq -r '.detail // empty' "$world/answer")" 200
	all_well
}

dry_run() {
	run drain a --for 1h --reason "new switch" --dry-run
	is "a dry run speaks of requests" 0 "33.3 % of all requests are served elsewhere"
	run drain a --for 1h --reason "new switch" --dry-run --json
	is "in JSON too" 0
	same "each survivor before and after, against its capacity" \
		"$(jq -r '.drain.regions[] | "\(.region) \(.load_before | round) \(.load_after | round) \(.capacity) \(.gets * 100 | round)"' <<<"$out" | tr '\n' ' ')" \
		"a 50 0 100 0 b 50 75 100 50 c 50 75 100 50 "
	same "it's safe, and in the budget" "$(jq '.drain | .safe and .demand_known and .budget > 0 and .budget <= 1 and .budget_before == 0' <<<"$out")" true
	holds "and nothing has changed" no_overrides
}

budget() {
	run drain a --for 1h --reason "new switch"
	is "a drain" 0 "isobarctl undrain a"
	same "is live" "$(admits a)" 0
	run drain b --for 1h --reason "another"
	is "a second one, beyond what is left, is refused" 1 "region c would get 150 requests/s of the 100 that it bears (150 %)"
	is "with what can be had" 1 "region b can be drained to"
	same "and drains nobody" "$(admits b)" 1
	run drain b --to 70 --for 1h --reason "in part"
	is "a part of it fits" 0
	run undrain b
	is "and ends" 0 "has ended"
	run drain b --for 1h --reason "I know better" --force
	is "forced it's done" 0 "forced: region c gets 150"
	told "and that is recorded" /v1/overrides 'any(.overrides[]; .region == "b" and .forced) and any(.overrides[]; .region == "a" and (.forced | not))'
	told "in the journal" '/v1/audit?limit=1' '.entries[0].change.override | .forced and .region == "b"'
	holds "the status says that it isn't safe" world_await 20 unsafe
	holds "with the numbers" world_await 20 says_how_much
	run undrain b
	beyond_the_budget
	run undrain a
	is "all ends" 0
	holds "the status is well again" world_await 20 safe
	holds "and nobody is drained" no_overrides
}

# Where they lead everybody bears it; but whose drain ends first gets the clients of all the others.
beyond_the_budget() {
	run undrain a
	run drain a --to 30 --for 2h --reason "most of it"
	run drain b --to 50 --for 1h --reason "a half"
	is "two drains in part" 0 "% of the budget"
	run drain c --for 2h --reason "and one more"
	is "what overloads somebody on the way is refused" 1 "beyond the budget of drains (119 %)"
	is "with the numbers" 1 "before the others, region b would get 110 requests/s of the 100 that it bears"
	is "and with what can be had" 1 "region c can be drained to"
	run drain c --for 2h --reason "and one more" --force
	is "forced it's done as well" 0 "forced: if its own drain ends before the others, region b gets 110"
	told "recorded" /v1/overrides 'any(.overrides[]; .region == "c" and .forced)'
	holds "and the status tells" world_await 20 tells_of_the_way
	run undrain c
	run undrain b
}

tells_of_the_way() {
	world_get /v1/status | jq -e '.drains.unsafe and any(.problems[]; contains("use 119 % of their budget"))'
}

says_how_much() {
	world_get /v1/status | jq -e 'any(.problems[]; contains("bring 150 requests/s to region c"))'
}

unsafe() {
	world_get /v1/status | jq -e '.drains.unsafe and .drains.in_force == 2'
}

safe() {
	world_get /v1/status | jq -e '(.drains.unsafe | not) and .drains.in_force == 0 and .drains.budget == null'
}

one_service() {
	run drain b --service api.drain.example --for 1h --reason "its database"
	is "a drain of one service" 0
	same "nobody asks for it there" "$(world_dig +short api.drain.example A)" 192.0.2.1
	same "for others the region is whole" "$(admits b) $(admits b api.drain.example.)" "1 0"
	run drain c --service api.drain.example --for 1h --reason x
	is "of one that the region doesn't serve" 1 "isn't served"
	run undrain b --service www.drain.example.
	is "another service isn't drained" 1 "isn't drained"
	run undrain b
	is "it ends with the region's" 0
	same "and is back" "$(world_dig +short api.drain.example A)" 192.0.2.2
}

# Nobody flips back and forth: one way it only falls, the other it only rises.
ramps() {
	run drain a --over 3s --for 1h --reason "slowly"
	is "a drain that takes its time" 0 "within 3 s"
	watch_admits 0 >"$world/falls"
	holds "falls all the way" sort -c -g -r "$world/falls"
	holds "by steps that are small" between 5 "$(sort -u "$world/falls" | wc -l)" 1000
	same "to nobody, in about its time" "$(tail -n 1 "$world/falls") $((elapsed >= 2000))" "0 1"
	run undrain a --over 3s
	is "back the same way" 0 "ends within 3 s"
	watch_admits 1 >"$world/rises"
	holds "it rises all the way" sort -c -g "$world/rises"
	holds "by steps that are small, too" between 5 "$(sort -u "$world/rises" | wc -l)" 1000
	holds "then it's gone" world_await 10 no_overrides
	told "with its row in the journal" '/v1/audit?limit=1' '.entries[0].action == "override.expire"'
	run drain a --over 2s --for 3s --reason "for a while"
	holds "a drain that ends by itself goes back as it went" world_await 20 no_overrides
	same "to all" "$(admits a)" 1
}

# Sets elapsed, in ms. Much longer than it should take, it's given up.
watch_admits() {	# UNTIL
	local begin share=
	begin=$(date +%s%3N) elapsed=0
	while [ "$share" != "$1" ] && [ $elapsed -lt 30000 ]; do
		sleep 0.1
		share=$(admits a)
		echo "$share"
		elapsed=$(($(date +%s%3N) - begin))
	done
}

restart_in_a_ramp() {
	local earliest latest
	earliest=$(date +%s%3N)
	run drain a --over 60s --for 1h --reason "through a restart"
	latest=$(date +%s%3N)
	sleep 2
	world_stop isobard KILL
	sleep 1
	world_settings="pae: external" world_isobard
	same "killed in the middle of a ramp, isobard starts" $? 0
	holds "and the ramp is where the clock says" near_ramp "$earliest" "$latest"
	run undrain a --over 0s
	is "at once it ends" 0 "has ended"
	same "whole again" "$(admits a)" 1
	all_well
}

near_ramp() {	# BEGIN, ms: the earliest and the latest that it can have been
	local asked share
	asked=$(date +%s%3N)
	share=$(admits a)
	awk -v share="$share" -v least=$((asked - $2)) -v most=$(($(date +%s%3N) - $1)) 'BEGIN {
		exit !(share > 1 - most / 60000 - 0.01 && share < 1 - least / 60000 + 0.01)
	}' || { echo "$share"; return 1; }
}

# ---- drills ----------------------------------------------------------------------------------------------------------

drills() {
	local i
	run drill a --for 2s
	is "a drill of nothing" 2 "--fraction"
	run drill a --fraction 0.2
	is "a drill for ever" 2 "--for"
	run drill a --fraction 2 --for 2s
	is "of more than all" 2 "from 0 to 1"
	run drill show
	is "there was none" 0 "no drill yet"
	run drill a --fraction 0.2 --for 10s --dry-run
	is "a dry run" 0 "would go elsewhere"
	run drill a --fraction 0.2 --for 2s --wait
	is "a drill that goes well" 0 "nobody was overloaded"
	is "with each survivor's load" 0 "PEAK/S"
	holds "ends by itself" world_await 10 no_overrides
	told "its verdict is kept" /v1/drills '.running == null and (.drills | length) == 1 and (.drills[0] |
		.completed and .region == "a" and .fraction == 0.2 and (.moved * 100 | round) == 7 and
		([.regions[] | select(.survivor) | .capacity] == [100, 100]) and (.answers | length) == 5)'
	run drill show --json
	is "and shown" 0 '"completed"'
	run drill a --fraction 20% --for 1h --reason "the second"
	is "a second one" 0 "20 % of the clients of region a go elsewhere"
	holds "(it's watched)" world_await 10 running
	told "runs" /v1/drills '.running | .region == "a" and .reason == "the second" and (.verdict | not)'
	run drill b --fraction 0.1 --for 1h
	is "two at once are one too many" 1 "one at a time"
	for i in {1..40}; do world_dig +short +subnet="10.0.$i.0/24" $www A; done >"$world/answers"
	run undrain a
	is "who began it ends it" 0 "Drill"
	told "with a verdict" /v1/drills '.running == null and (.drills[0] | (.completed | not) and (.verdict | contains("has ended it")) and ([.answers[].count] | add) == 40)'
}

drills_that_hurt() {
	hurts "the death of another region" "$www is dead in region b" report b 0/4
	run drill a --fraction 0.2 --for 1h
	is "none begins while something is dead" 1 "isn't the time to practise"
	report b 4/4
	report b 4/4
	holds "(b is back)" world_await 20 whole b
	hurts "a survivor that is full" "region c bears 101 requests/s" report c 4/4 101
	report c 4/4
	hurts "backends that fail" "75 % of the backends of region c are healthy" report c 3/4
	report c 4/4
	hurts "backends that get slow" "answer within 80 ms, 5 ms it was" slow
	report c 4/4
	hurts "a drain beyond the budget" "the drains in force" forced
	run undrain b
	hurts "another steering" "the steering has changed" change_steering
	run drill a --fraction 1 --for 1h --dry-run
	is "(it would be safe)" 0
	run drain b --for 1h --reason x
	run drill a --fraction 1 --for 1h
	is "what overloads others can't be practised" 1 "of the 102 that it bears"
	run undrain b
}

hurts() {	# NAME WHY COMMAND...
	local what=$1 why=$2
	shift 2
	run drill a --fraction 0.2 --for 1h
	is "a drill, then $what" 0
	holds "(it's watched)" world_await 10 running
	"$@"
	holds "$what ends it" world_await 20 whole a
	holds "for good" world_await 20 not_running
	told "with the reason" /v1/drills ".drills[0] | (.completed | not) and (.verdict | contains(\"$why\"))"
}

running() {
	world_get /v1/drills | jq -e '.running != null'
}

not_running() {
	no_overrides_of drill && world_get /v1/drills | jq -e '.running == null'
}

no_overrides_of() {	# KIND
	world_get /v1/overrides | jq -e --arg kind "$1" 'all(.overrides[]; .kind != $kind)'
}

slow() {
	report c 4/4 50 80
	sleep 0.6
	report c 4/4 50 80
}

forced() {
	run drain b --to 0 --for 1h --reason "beyond" --force
	run drain c --to 20 --for 1h --reason "far beyond" --force
	sleep 1
	run undrain c
}

change_steering() {
	sed -i 's/c: {capacity: 100}/c: {capacity: 102}/' "$world/zones/steering.yaml"
	run apply "$world/zones"
	is "(another steering)" 0
}

restart_in_a_drill() {
	run drill a --fraction 0.5 --for 1h
	is "a drill, then a restart" 0
	world_stop isobard KILL
	world_settings="pae: external" world_isobard
	same "isobard is back" $? 0
	holds "nobody watched: it's ended" world_await 20 no_overrides
	same "and the region is whole" "$(admits a)" 1
	told "which the journal says" '/v1/audit?limit=1' '.entries[0] | .action == "drill.end" and (.reason | contains("started again"))'
}

# ---- a region that comes back ----------------------------------------------------------------------------------------

recovery() {
	all_well
	report a 0/4
	report a 4/4
	report a 4/4
	same "it takes a part of its clients at first" "$(admits a)" 0.25
	told "and that is told" /v1/status 'any(.problems[]; contains("comes back in a: it takes 25 %"))'
	world_stop isobard KILL
	world_settings="pae: external" world_isobard
	holds "which a restart goes on with, not over" between 0.25 "$(admits a)" 1
	holds "all of them in the end" world_await 20 whole a
	report a 0/4
	report a 4/4
	report a 4/4
	told "the second death holds it down" /v1/regions/a ".services[] | select(.service == \"$www\") | .dead and .held_for_s > 0"
	world_stop isobard KILL
	world_settings="pae: external" world_isobard
	told "through a restart" /v1/regions/a ".services[] | select(.service == \"$www\") | .dead"
	report a 4/4
	report a 4/4
	holds "and then it's back" world_await 20 whole a
}

main
