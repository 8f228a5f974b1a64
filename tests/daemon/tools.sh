#!/usr/bin/env bash
# The operator's tools against running daemons: plans shown and compared, what would happen if, changes that move clients,
# nameservers compared with each other and with one of another kind.
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
	world_settings="pae: external
identity: {nsid: lab1}"
	holds "isobard gets ready" world_isobard
	identity
	before_plans
	plans
	suppositions
	changes
	comparisons
	finish
}

# Sets status and said.
ctl() {	# ARGUMENTS
	said=$(world_ctl "$@" 2>&1)
	status=$?
}

says() {	# NAME STATUS TEXTS...
	local name=$1 expected=$2 text missing=
	shift 2
	for text; do
		grep -qF -- "$text" <<<"$said" || missing+=" '$text'"
	done
	same "$name" "$status${missing:+, not said:$missing, but: $said}" "$expected"
}

# What the last --json said, by jq.
json() {	# NAME STATUS FILTER
	if [ "$status" != "$2" ]; then
		not_ok "$1" "status $status instead of $2: $said"
	elif ! jq -e "$3" <<<"$said" >/dev/null 2>&1; then
		not_ok "$1" "$3 isn't true of $said"
	else
		ok "$1"
	fi
}

# ---- who answers -----------------------------------------------------------------------------------------------------

chaos() {	# NAME
	dig @127.0.0.1 -p "$dns_port" +short +tries=2 CH TXT "$1" | tr -d '"'
}

identity() {
	same "its name for those who may know" "$(chaos id.server)" lab1
	same "and its epoch" "$(chaos epoch.isobar)" 1
	holds "and its version" grep -q '^isobar [0-9]' <<<"$(chaos version.bind)"
	same "other names are refused" "$(dig @127.0.0.1 -p "$dns_port" CH TXT authors.bind | grep -o REFUSED | head -n 1)" REFUSED
	same "NSID has name and epoch" \
		"$(dig @127.0.0.1 -p "$dns_port" +nsid gtm.example.com SOA | grep -o '"lab1 epoch 1"')" '"lab1 epoch 1"'
	same "without asking there is none" "$(dig @127.0.0.1 -p "$dns_port" gtm.example.com SOA | grep -c NSID)" 0
}

# ---- plans -----------------------------------------------------------------------------------------------------------

before_plans() {
	ctl plan show
	says "without a plan" 0 "There is no plan yet"
	ctl plan diff
	says "nothing to compare yet" 1 "remembers no epoch before"
}

plan() {	# SHARE of eu-west [DEMAND]
	cat <<-END
		{"made": "$(date -u +%FT%TZ)", "method": "optimal",
		 "regions": [{"region": "us-east", "horizon_s": 600, "probability": null, "load_forecast": null, "capacity": 400,
		   "price": 3.5, "price_why": "is full if eu-west is lost", "reason": "none"}],
		 "services": [{"service": "$www", "groups": [{"group": "default", "demand": ${2-300}, "error": 0.1, "pairs": [
		  {"primary": "eu-west", "backup": "us-east", "share": $1},
		  {"primary": "us-east", "backup": "eu-west", "share": $(jq -n "0.75 - $1")},
		  {"primary": "ap-south", "backup": "eu-west", "share": 0.25}]}]}]}
	END
}

plans() {
	world_post /v1/plan "$(plan 0.5)" >/dev/null
	world_post /v1/plan "$(plan 0.2)" >/dev/null
	ctl plan show
	says "the plan in words" 0 "optimal; in epoch 3" "eu-west 20.0 % (us-east)" "us-east is full if eu-west is lost" \
		"now:" "the worst loss, of"
	ctl -j plan show
	json "and as JSON" 0 '.epoch == 3 and (.cases | length) == 2 and .cases[0].lost == null
		and (.cases[0].loads[] | select(.region == "ap-south") | .load > 70 and .load < 80)'
	ctl plan history --limit 2
	says "the last epochs" 0 changed
	same "as many as asked for" "$(wc -l <<<"$said")" 3
	ctl plan diff
	says "what the last change of tables did" 6 "from epoch 2" "% from eu-west to us-east"
	ctl -j plan diff 2 3
	json "two epochs" 6 '(.moves | length) == 1 and (.moves[0].ways | length) == 1
		and (.moves[0] | .service == "'$www'" and .share > 0.29 and .share < 0.31)'
	ctl plan diff 3 3
	says "an epoch and itself" 0 "No client moves"
	ctl plan diff 1 77
	says "an epoch that never was" 1 "epoch 77 isn't in the store's memory"
	plan 0.6 >"$world/plan.json"
	ctl plan diff "$world/plan.json"
	says "a file against what is in service" 6 "would move" "from us-east to eu-west"
	same "nothing was published by it" "$(world_get /v1/status | jq .epoch)" 3
	plan 0.2 >"$world/plan.json"
	ctl -j plan diff "$world/plan.json"
	json "a plan that changes nothing moves a slot at most" "$status" '([.moves[].share] | add // 0) < 0.0001'
	echo '{"made": "x"}' >"$world/plan.json"
	ctl plan diff "$world/plan.json"
	says "a file that is no plan" 1 "made"
}

# ---- what if ---------------------------------------------------------------------------------------------------------

suppositions() {
	local epoch
	epoch=$(world_get /v1/status | jq .epoch)
	ctl -j whatif --lose ap-south
	json "a loss that the others bear" 0 '.safe and .demand_known and .moved > 0.2
		and (.regions[] | select(.region == "ap-south") | .state == "lost" and .before > 70 and .after == 0)
		and (.regions[] | select(.region == "eu-west") | .after > .before)'
	ctl whatif --lose ap-south --demand x4
	says "and not at four times the demand" 6 OVERLOADED "Nothing was changed"
	ctl whatif --lose eu-west
	says "who may go nowhere else" 6 "UNSERVED: 100 % of the clients germany of $www" "residency lets them go to nobody else"
	ctl whatif --drain us-east=50%
	says "half a region" 0 "drained to 50.0 %" "Nobody would be overloaded"
	ctl whatif --lose mars
	says "a region that isn't there" 1 "there is no region 'mars'"
	ctl whatif
	says "nothing supposed" 2 "--lose REGION"
	ctl whatif --drain us-east
	says "a drain without a part" 2 "eu-west=50%"
	ctl whatif --demand many
	says "a factor that is none" 2 "x1.3"
	same "nothing was changed" "$(world_get /v1/status | jq .epoch)" "$epoch"
}

# ---- changes that move clients ---------------------------------------------------------------------------------------

changes() {
	local folder=$world/changed
	cp -r "$world/zones" "$folder"
	sed -i '/  db.gtm/,/when-all/ s/eu-west: {priority: 1}, us-east: {priority: 2}/eu-west: {priority: 2}, us-east: {priority: 1}/' \
		"$folder/steering.yaml"
	ctl apply --dry-run "$folder"
	says "a change that moves everybody is refused" 1 "too many clients would move" "more than the 25 %" \
		"from eu-west to us-east"
	ctl apply "$folder"
	says "also in earnest" 1 "nothing has changed"
	ctl apply --dry-run --move-limit 99 "$folder"
	says "a limit of its own that doesn't suffice" 1 "more than the 99 %"
	ctl apply --dry-run --force "$folder"
	says "by force it would" 0 "of the clients of db.gtm.example.com. would move: " "% from eu-west to us-east"
	ctl apply --move-limit 100 --reason "tools.sh" "$folder"
	says "and with a limit that suffices it does" 0 "of the clients of db.gtm.example.com. move: " Live
	ctl apply --move-limit none "$folder"
	says "a limit that is none" 1 "move_limit"
	ctl apply --force "$world/zones"
	says "and back" 0 Live
}

# ---- compare ---------------------------------------------------------------------------------------------------------

comparisons() {
	local first=$dns_port api=$api_socket
	ctl compare "127.0.0.1:$first" "127.0.0.1@$first" --name "$www"
	says "a server and itself" 0 "lab1 epoch" "All answer 128 clients alike"
	api_socket=$world/second.sock store=$world/second.db
	world_port && dns_port=$REPLY
	world_port && api_port=$REPLY
	second
	printf '192.0.2.0/24\n198.51.100.7 # one of germany\n\n2001:db8:49::1\n' >"$world/clients"
	ctl -j compare "127.0.0.1:$first" "127.0.0.1:$dns_port" --name "$www"
	json "two daemons with other plans" 6 '.differing > 0 and .clients == 128 and (.differences | length) == .differing'
	ctl compare "127.0.0.1:$first" "127.0.0.1:$dns_port" --name "$www" --clients "$world/clients"
	holds "asks the clients that it's told" grep -q "3 clients\|of 3 clients" <<<"$said"
	ctl compare "127.0.0.1:$first" "127.0.0.1:$dns_port" --name ns1.gtm.example.com --clients "$world/clients"
	says "what isn't steered is alike" 0 "All answer 3 clients alike"
	another_kind "$first"
	ctl compare "127.0.0.1:$first" "127.0.0.1:1" --name "$www"
	says "a server that doesn't answer" 1 "no answer: Connection refused"
	ctl compare "127.0.0.1:$first" --name "$www"
	says "one server alone" 2 "2 to 16"
	ctl compare nonsense "127.0.0.1:$first" --name "$www"
	says "no address" 2 "'nonsense'"
	ctl compare "127.0.0.1:$first" "127.0.0.1:$first"
	says "no name" 2 "--name"
	api_socket=$api
}

second() {
	local saved=${world_pids[isobard]}
	unset 'world_pids[isobard]'
	holds "a second isobard gets ready" world_isobard
	world_pids[second]=${world_pids[isobard]}
	world_pids[isobard]=$saved
}

another_kind() {	# PORT; the same zone by NSD, which knows no steering and no client subnet
	local port
	if ! command -v nsd >/dev/null; then
		ok "compared with NSD # skipped: there is none"
		return
	fi
	world_port && port=$REPLY
	cat >"$world/nsd.conf" <<-END
		server:
		  ip-address: 127.0.0.1@$port
		  username: "$(id -un)"
		  zonesdir: "$world/zones"
		  database: ""
		  pidfile: ""
		  xfrdfile: "$world/xfrd"
		  zonelistfile: "$world/zone.list"
		  xfrdir: "$world"
		  verbosity: 1
		remote-control:
		  control-enable: no
		zone:
		  name: gtm.example.com
		  zonefile: gtm.example.com.zone
	END
	world_start nsd nsd -d -c "$world/nsd.conf"
	world_await 10 dig +short +tries=1 +time=1 @127.0.0.1 -p "$port" gtm.example.com SOA
	ctl compare "127.0.0.1:$1" "127.0.0.1:$port" --name gtm.example.com --type MX --clients "$world/clients"
	says "what isn't steered is as NSD has it" 0 "All answer 3 clients alike"
	ctl compare "127.0.0.1:$1" "127.0.0.1:$port" --name gtm.example.com --type SOA --clients "$world/clients"
	says "also names inside of records" 0 "All answer 3 clients alike"
	ctl compare "127.0.0.1:$1" "127.0.0.1:$port" --name "$www" --clients "$world/clients"
	says "what is steered isn't" 6 "3 of 3 clients are answered differently"
}

main "$@"
