#!/usr/bin/env bash
# isobarctl against a running isobard, one that doesn't run, one that hangs, and one whose store is locked: each verb, its
# exit status, and that what it says is done is done.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

program=$ISOBAR_BUILD/src/isobarctl

main() {
	world_open
	world_prepare
	sed -i '/ probe: /d' "$world/zones/steering.yaml"	# no backends here
	wrong_usage
	not_running
	conf_check
	plan_verify
	world_settings="pae: external" world_isobard
	same "isobard gets ready" $? 0
	json_everywhere
	state
	folders
	zones
	records
	regions
	explanations
	models
	latencies
	tokens
	over_tcp
	the_journal
	reload
	output_that_is_lost
	locked_store
	hanging
	no_right
	stop
	finish
}

# Sets status, out and err.
run() {	# ARGUMENTS
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

json() {	# NAME FILTER
	if jq -e "$2" <<<"$out" >/dev/null 2>&1; then ok "$1"; else not_ok "$1" "$2 isn't true of: $out"; fi
}

served() {
	world_get /v1/export
}

# ---- without isobard -------------------------------------------------------------------------------------------------

wrong_usage() {
	run
	is "no verb" 2 "usage: isobarctl"
	run --help
	is "help" 0 "conf-check [DIR]"
	same "help goes to standard output" "$err" ""
	run -V
	is "version" 0 "isobarctl $(sed -n 's/^AC_INIT(\[isobar\], \[\(.*\)\])$/\1/p' "$ISOBAR_SOURCE/configure.ac")"
	run regoin list
	is "an unknown verb" 2 "did you mean 'region list'?"
	run zone
	is "half a verb" 2 "there is no 'zone'"
	run zone show
	is "too few arguments" 2 "usage: isobarctl zone show ZONE"
	run zone show a b
	is "too many arguments" 2 "one too many"
	run status --dry-run
	is "an option of another verb" 2 "status takes no --dry-run"
	run --nonsense status
	is "an unknown option" 2 "isobarctl(8)"
	run -t soon status
	is "a timeout that is none" 2 "soon"
	run --token-file "$world/nowhere" status
	is "a token file that isn't there" 2 "nowhere"
	"$program" -s ftp://127.0.0.1 status >"$world/out" 2>"$world/err"
	same "a URL of another kind is a path" $? 3
	run drain eu-west --for 1h
	is "a drain without a reason" 2 "--reason"
	run drain eu-west --reason x
	is "a drain without an end" 2 "--forever"
	run drain eu-west --reason x --for 1h --forever
	is "a drain with two ends" 2 "either"
	run drain eu-west --reason x --for 1hour
	is "a duration that is none" 2 "1hour"
	run drain eu-west --reason x --for 1h --to 101
	is "more than all" 2 "101"
	run token create x
	is "a token for nothing" 2 "--scope"
	run zone import "$world/steering.yaml"
	is "a file that isn't named as a zone" 2 "isn't named as a zone"
	run record set example.net www A 192.0.2.1 --ttl 1h
	is "a TTL that is none" 2 "1h"
}

not_running() {
	run status
	is "nobody listens" 3 "isn't running"
	run -j status
	is "nobody listens, for programs" 3 "isn't running"
	run apply "$world/zones"
	is "a change that nobody takes" 3 "isn't running"
	run stop
	is "nobody to stop" 3 "isn't running"
	"$program" -s "http://127.0.0.1:$api_port" status 2>/dev/null
	same "nobody listens on TCP" $? 3
}

# A plan for the quick start: 400 requests/s, 100 more of Germany, which stay in eu-west.
plan_verify() {
	local plan=$world/plan.json
	cat >"$plan" <<-'END'
	{"made": "2026-01-01T00:00:00Z", "services": [{"service": "www.gtm.example.com.", "groups": [
	 {"group": "default", "demand": 400, "pairs": [{"primary": "eu-west", "backup": "us-east", "share": 0.5},
	  {"primary": "us-east", "backup": "ap-south", "share": 0.3}, {"primary": "ap-south", "backup": "eu-west", "share": 0.2}]},
	 {"group": "germany", "demand": 100, "pairs": [{"primary": "eu-west", "backup": null, "share": 1}]}]}]}
	END
	run plan verify "$plan" --steering "$world/zones"
	is "a plan that every loss can be borne with" 0 "The plan is good."
	is "what binds" 0 "What binds: if eu-west is lost, us-east gets 320 requests/s and can bear 400 (0.80)."
	run -j plan verify "$plan" --steering "$world/zones"
	json "the same for programs" '.good and .cases[1].lost == "eu-west" and .cases[1].unserved == 100 and (.cases[1].regions[1].ratio - 0.8 | fabs) < 0.001'
	jq '{planned: null, plan: .}' "$plan" >"$plan.got"
	run plan verify "$plan.got" --steering "$world/zones"
	is "as the API gives it" 0 "The plan is good."
	sed 's/400/4000/' "$plan" >"$plan.big"
	run plan verify "$plan.big" --steering "$world/zones"
	is "too much" 1 "The plan is refused: if eu-west is lost, us-east gets 3200 requests/s and can bear 400 (8.00)."
	sed 's/"eu-west", "backup": null/"us-east", "backup": null/' "$plan" >"$plan.forbidden"
	run plan verify "$plan.forbidden" --steering "$world/zones"
	is "against the law" 1 "the plan sends 1.0000 of them to us-east, which residency forbids"
	run plan verify "$world/zones/steering.yaml" --steering "$world/zones"
	is "no plan at all" 1 "is no plan"
}

conf_check() {
	local copy=$world/copy
	run conf-check "$world/zones"
	is "a good folder, without isobard" 0 "is in order: 2 zones, 5 services, 3 regions"
	is "residency is proven" 0 "Residency is proven for"
	is "who has nobody left in a loss" 0 "if eu-west is lost, the service 'www.gtm.example.com.' has no legal region left for clients of 'germany'"
	run -j conf-check "$world/zones"
	json "the same for programs" '.valid and (has("errors") | not) and (.warnings | length) == 1'
	cp -r "$world/zones" "$copy"
	sed -i 's/^  us-east:/  us-eats:/; s/sharding-policy: predictive/sharding-policy: predictve/' "$copy/steering.yaml"
	printf 'broken IN AAAAA ::1\n' >>"$copy/lab.gtm.example.com.zone"
	run conf-check "$copy"
	is "a broken one" 1 "did you mean 'predictive'?"
	same "each file's errors with their places" "$(grep -oE '^[a-z.]+:[0-9]+:[0-9]+:' <<<"$out" | cut -d: -f1 | sort -u | tr '\n' ' ')" \
		"lab.gtm.example.com.zone steering.yaml "
	run -j conf-check "$copy"
	is "the same for programs" 1
	json "with the places" '(.valid | not) and all(.errors[]; .line > 0 and (.file | length) > 0)'
	run conf-check "$world/nowhere"
	is "a folder that isn't there" 1 "nowhere"
	mkdir "$world/empty"
	run conf-check "$world/empty"
	is "an empty folder is in order" 0 "0 zones"
	rm -r "$copy" "$world/empty"
}

# ---- what there is ---------------------------------------------------------------------------------------------------

json_everywhere() {
	local verb
	for verb in status "zone list" "zone show gtm.example.com" "zone export gtm.example.com" "region list" \
		"region show eu-west" "service list" "service show www.gtm.example.com" weights predictions \
		"explain www.gtm.example.com" "model list" "token list" audit stats; do
		# shellcheck disable=SC2086 # words
		run -j $verb
		is "$verb --json" 0
		json "$verb --json prints one object" 'type == "object"'
		# shellcheck disable=SC2086
		run $verb
		is "$verb" 0
		same "$verb says nothing on standard error" "$err" ""
		same "$verb leaves no blanks at ends of lines" "$(grep -c ' $' <<<"$out")" 0
	done
	run -j region show atlantis
	is "a problem for programs" 1
	json "is the API's" '.status == 404 and (.detail | contains("atlantis"))'
}

state() {
	run status
	is "status tells what is wrong" 0 "region eu-west has never reported"
	is "and that nothing is predicted, and why" 0 "eu-west: no prediction: "
	run weights
	is "weights" 0 "www.gtm.example.com. (predictive)"
	same "shares, weights and capacity of a region" "$(grep -A3 '^www' <<<"$out" | awk '$1 == "eu-west" { print $2, $3, $4, $5, $6 }')" "50.0 % 50.0 % 5"
	run service show www.gtm.example.com
	is "a service" 0 "clients of germany only to eu-west"
	run service show ftp.gtm.example.com
	is "no service" 1 "ftp.gtm.example.com"
	run region show us-east
	is "a region without an agent tells what to do" 0 "agent:us-east"
	run predictions
	is "predictions" 0 "no prediction"
	run stats
	is "counters" 0 "queries.udp"
}

# ---- changes ---------------------------------------------------------------------------------------------------------

folders() {
	local before
	before=$(served)
	run apply "$world/zones" --dry-run
	is "a dry run of the same folder" 0 "No client would move."
	cp -r "$world/zones" "$world/edited"
	sed -i 's/eu-west: {weight: 5}/eu-west: {weight: 3}/' "$world/edited/steering.yaml"
	sed 's/gtm\.example\.com/example.net/g; /_region/d; /^lab/d; /partner/d' "$world/zones/lab.gtm.example.com.zone" >"$world/edited/lab.example.net.zone"
	run apply "$world/edited" --dry-run
	is "a dry run tells the share of clients that would move" 0 "% of the clients of www.gtm.example.com. would move"
	is "and each zone" 0 "zone lab.example.net. would be added"
	same "and changes nothing" "$(served)" "$before"
	run apply "$world/edited" --reason "less load"
	is "apply" 0 "% of the clients of www.gtm.example.com. move"
	same "it's live then" "$(world_dig +short lab.example.net SOA | wc -l)" 1
	run -j audit --limit 1
	json "with its reason and author" ".entries[0] | .reason == \"less load\" and .author == \"$(id -un)\" and .action == \"apply\""
	run export "$world/exported"
	is "export" 0 "4 files written"
	holds "of what was applied" diff -r "$world/exported" "$world/edited"
	run apply "$world/zones"
	is "back" 0 "zone lab.example.net. deleted"
	same "all is as it was" "$(served)" "$before"
	touch "$world/exported/notes.md"
	run export "$world/exported"
	is "an export over an older one" 0 "1 of zones no longer served removed"
	holds "leaves what isn't its own" test -e "$world/exported/notes.md"
	rm "$world/exported/notes.md"
	holds "and is what was applied, again" diff -r "$world/exported" "$world/zones"
	run export /proc/nowhere
	is "a folder that can't be made" 1 "/proc/nowhere"

	printf 'broken IN AAAAA ::1\n' >>"$world/edited/lab.gtm.example.com.zone"
	sed -i 's/predictive/predictve/' "$world/edited/steering.yaml"
	run apply "$world/edited"
	is "a broken folder" 1 "did you mean 'predictive'?"
	holds "with each place" grep -qE '^  lab\.gtm\.example\.com\.zone:[0-9]+:[0-9]+: ' <<<"$err"
	run apply "$world/nowhere"
	is "no folder" 1 "nowhere"
	mkdir "$world/empty"
	run apply "$world/empty"
	is "an empty folder would delete everything" 1 "there is no zone"
	same "nothing of this changed anything" "$(served)" "$before"
}

zones() {
	local before file=$world/example.net.zone
	before=$(served)
	# shellcheck disable=SC2016 # that is a directive of the master file
	printf '$TTL 60\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\nwww IN A 192.0.2.80\n' >"$file"
	run zone check "$file"
	is "a check of a zone" 0 "zone example.net. would be added"
	run zone import "$file" --dry-run
	is "a dry run of an import" 0 "zone example.net. would be added"
	same "neither adds it" "$(served)" "$before"
	run zone import "$file" --reason "a customer"
	is "an import" 0 "zone example.net. added"
	same "is live" "$(world_dig +short www.example.net A)" 192.0.2.80
	run zone import "$file" example.org
	is "an import under another name" 0 "zone example.org. added"
	run zone list
	is "both are listed" 0 "example.org."
	run zone show example.net
	is "the records of a zone" 0 "www.example.net."
	run zone export example.net "$world/again.zone"
	holds "an export is the file" cmp "$file" "$world/again.zone"
	run zone export example.net
	same "also to standard output" "$out" "$(<"$file")"
	run zone delete example.org --dry-run
	is "a dry run of a deletion" 0 "would be deleted"
	run zone delete example.org
	is "a deletion" 0 "zone example.org. deleted"
	run zone delete example.org
	is "twice is once too many" 1 "no zone example.org."
	printf 'www IN A 192.0.2\nmail IN MX ten mail\n' >>"$file"
	run zone import "$file"
	is "a broken zone" 1 "example.net.zone:6:"
	is "with every place" 1 "example.net.zone:7:"
	run zone check "$file"
	is "and its check" 1 "example.net.zone:7:"
	same "changes nothing" "$(world_dig +short www.example.net A)" 192.0.2.80
	run zone import "$world/missing.zone"
	is "a file that isn't there" 1 "missing.zone"
	printf 'a\0b' >"$world/nul.zone"
	run zone import "$world/nul.zone"
	is "a file with a NUL octet" 1 "NUL octet"
	run zone delete example.net
	same "all is as it was" "$(served)" "$before"
}

records() {
	run record set gtm.example.com new A 192.0.2.1 192.0.2.2 --ttl 30 --dry-run
	is "a dry run of a record" 0 "would be changed"
	run record set gtm.example.com new A 192.0.2.1 192.0.2.2 --ttl 30
	is "records are set" 0 "zone gtm.example.com. changed"
	same "and live" "$(world_dig +noall +answer new.gtm.example.com A | awk '{ print $2, $5 }' | sort | tr '\n' ' ')" "30 192.0.2.1 30 192.0.2.2 "
	run record set gtm.example.com new TXT '"-a b" "c"'
	is "text with blanks" 0
	same "comes as it was meant" "$(world_dig +short new.gtm.example.com TXT)" '"-a b" "c"'
	run record delete gtm.example.com new A
	is "one type is deleted" 0
	run record delete gtm.example.com new.gtm.example.com.
	is "all are deleted" 0
	same "at once" "$(world_dig new.gtm.example.com A | grep -o 'status: [A-Z]*')" "status: NXDOMAIN"
	run record set gtm.example.com new A 192.0.2
	is "a broken record" 1 "192.0.2"
	run record set example.com new A 192.0.2.1
	is "an unknown zone" 1 "example.com"
	run zone import "$world/zones/gtm.example.com.zone"
}

regions() {
	run drain us-east --reason "new switch" --for 10m --dry-run
	is "a dry run of a drain" 0 "% of the clients of api.gtm.example.com. would move"
	run drain us-east --reason "new switch" --for 10m
	is "a drain" 0 "isobarctl undrain us-east"
	same "nobody is sent there" "$(for _ in {1..20}; do world_dig +short api.gtm.example.com A; done | grep -c 127.0.0.12)" 0
	run region show us-east
	is "is told with the region" 0 "new switch"
	run region list
	same "and in the list" "$(awk '$1 == "us-east" { print $3 }' <<<"$out")" 0.0
	run drain us-east --reason "in part" --forever --to 50
	is "another, in part and for ever" 0 "50 %"
	run undrain us-east
	is "all of its drains end" 0 "has ended"
	same "both" "$(grep -c 'has ended' <<<"$out")" 2
	run undrain us-east
	is "then there is none" 1 "isn't drained"
	run drain us-eats --reason x --for 1m
	is "a region that isn't there" 1 "did you mean 'us-east'?"
}

explanations() {
	run explain www.gtm.example.com --client 198.51.100.7
	is "explain tells the client group" 0 "planned as group germany"
	is "the law" 0 "rule 1 binds: clients of germany only to eu-west"
	is "who was removed, and why" 0 "us-east      removed: residency: rule 1"
	is "the slot" 0 "slot       "
	is "who was chosen, and why" 0 "chosen     eu-west, since"
	is "and the records" 0 "A $(world_dig +short www.gtm.example.com A +subnet=198.51.100.7/32)"
	run explain www.gtm.example.com --client 2001:db8:77::/48 --type AAAA
	is "of another type, for a prefix" 0 "AAAA $(world_dig +short www.gtm.example.com AAAA +subnet=2001:db8:77::/48)"
	run explain ns1.gtm.example.com
	is "a name that isn't steered" 0 "isn't steered"
	run explain www.gtm.example.com --client 1.2.3
	is "a client that is none" 1 "1.2.3"
}

models() {
	run model list
	is "no model" 0 "No model"
	world_post /v1/models '{"kind": "failure", "trained": "2026-01-01T00:00:00Z", "status": "serving", "card": {"score": 0.5}, "text": "model text"}' >/dev/null
	run model list
	is "a model" 0 serving
	run model show "$(awk 'NR == 2 { print $1 }' <<<"$out")"
	is "by the beginning of its id" 0 '"score"'
	is "and nothing is proven of it" 0 "in service: unproven, no review yet"
	world_post "/v1/models/$(sed -n 's/^model \([0-9a-f]*\) .*/\1/p' <<<"$out")/review" '{"action": "reviewed", "to": "", "horizon_s": 600, "reason": "", "numbers": {"incidents": 14, "brier_skill": 0.25}}' >/dev/null
	world_post /v1/models/5417/review '{"action": "reviewed", "to": "", "horizon_s": 300, "reason": "unproven", "numbers": {"incidents": 3}}' >/dev/null
	run model list
	is "how it did in service" 0 "Brier skill 0.250, 14 incidents"
	is "a shipped one, too" 0 "unproven, 3 incidents"
	run model show 54
	is "which can be shown" 0 "model 5417 (failure, shipped)"
	is "with its incidents" 0 "incidents 3"
	run -j model list
	json "live scores as JSON" '.models[0].live.brier_skill == 0.25 and (.live | length) == 2'
	run model show zzz
	is "no such model" 1 zzz
	run model train
	is "training by someone else" 1 SIGUSR1
}

latencies() {
	local file=$world/latency.csv
	printf '%s\n' clients,region,milliseconds germany,eu-west,18.5 DE,us-east,95 "# nothing" india,ap-south,12 >"$file"
	run latency import "$file" --dry-run
	is "an import that would be" 0 "3 rows would replace"
	run latency list
	same "and isn't" "$(wc -l <<<"$out")" 1
	run latency import "$file" --reason "measured in November"
	is "an import" 0 "3 rows replace"
	run -j latency list
	json "what was imported" '[.latency[] | [.region, .clients, .ms, .source]] == [["ap-south", "india", 12, "import"],
		["eu-west", "germany", 18.5, "import"], ["us-east", "DE", 95, "import"]]'
	printf '%s\n' clients,region,milliseconds germny,eu-west,18.5 DE,us-eats,95 "india,ap-south,fast" india >"$file"
	run latency import "$file"
	is "a broken table" 1 "$file:2:1: 'germny' is no client group"
	is "all its errors" 1 "$file:3:4: there is no region 'us-eats' (did you mean 'us-east'?)"
	is "with line and column" 1 "$file:4:16: 'fast' is no number of milliseconds"
	same "in one run" "$(grep -c "^$file:" <<<"$err")" 4
	run latency import "$world/nope.csv"
	is "no such file" 1 "nope.csv"
	same "what isn't known isn't taken from others either" "$(curl -s --unix-socket "$api_socket" -X PUT \
		-H 'Content-Type: application/json' -d '{"latency": [{"clients": "DE", "region": "nowhere", "ms": 5}, {"ms": -1}]}' \
		http://isobard/v1/latency | jq -c '[.errors[].pointer] | sort')" \
		'["#/latency/1/clients","#/latency/1/ms","#/latency/1/region"]'
	run latency clear --dry-run
	is "the end of them that would be" 0 "would be gone"
	run latency clear
	is "the end of them" 0 "are gone"
	run latency list
	same "no latency" "$(wc -l <<<"$out")" 1
	run audit
	is "in the journal" 0 "measured in November"
}

tokens() {
	run token create reader --scope read
	is "a new token" 0
	same "goes alone to standard output" "$(wc -l <"$world/out") ${out%%_*}" "1 isobar"
	(umask 077 && echo "$out" >"$world/reader")
	run token create agent --scope agent:eu-west --for 1h
	(umask 077 && echo "$out" >"$world/agent")
	run token create reader --scope read
	is "a name that is taken" 1 already
	run token create x --scope root
	is "no scope" 1 "agent:REGION"
	run token list
	is "tokens" 0 "agent:eu-west"
	same "without what opens doors" "$(grep -c isobar_ <<<"$out")" 0
}

over_tcp() {
	api_socket=http://127.0.0.1:$api_port
	run status
	is "no token" 4 "bearer token"
	run --token-file "$world/reader" status
	is "a token that suffices" 0 "isobard"
	run --token-file "$world/reader" zone delete gtm.example.com
	is "one that doesn't" 4 "scope admin"
	run --token-file "$world/agent" status
	is "an agent's" 4 "this needs"
	run --token-file "$world/agent" region show eu-west
	is "which may see its own region" 0 "region eu-west"
	chmod 644 "$world/reader"
	run --token-file "$world/reader" status
	is "a token that others can read is warned of" 0 "chmod 600"
	run --token-file "$world/reader" stop
	is "stop isn't for the network" 4 "UNIX socket"
	api_socket=$world/isobar.sock
	run token revoke reader
	is "a token is taken back" 0 "no longer valid"
	"$program" -s "http://127.0.0.1:$api_port" --token-file "$world/reader" status 2>/dev/null
	same "and refused from then on" $? 4
	run token revoke reader
	is "twice is once too many" 1 "no token"
}

the_journal() {
	run audit --verify
	is "the journal" 0 "The chain of hashes is whole"
	is "has what was done" 0 "token.revoke"
	run audit --limit 2
	same "the last entries" "$(wc -l <"$world/out")" 3
	run audit --limit x
	is "no number" 1 "whole number"
}

reload() {
	run reload
	is "reload" 0 "live as epoch"
}

output_that_is_lost() {
	"$program" -s "$api_socket" status >/dev/full 2>/dev/null
	same "output that can't be written is a failure" $? 1
}

# ---- when it can't be done now ---------------------------------------------------------------------------------------

locked_store() {
	coproc holder { sqlite3 "$world/isobar.db"; }
	# shellcheck disable=SC2154 # coproc sets these
	local pid=$holder_PID in=${holder[1]}
	printf 'BEGIN EXCLUSIVE;\nSELECT 1;\n' >&"$in"
	read -r -u "${holder[0]}" _
	run record set gtm.example.com locked A 192.0.2.1
	is "a store that is locked" 5 "Try again in"
	run status
	is "status tells it" 0 "can't be written"
	printf 'ROLLBACK;\n.quit\n' >&"$in"
	wait "$pid" 2>/dev/null
}

hanging() {
	kill -STOP "${world_pids[isobard]}"
	run -t 1 status
	is "an isobard that hangs" 5 "no answer within 1 s"
	kill -CONT "${world_pids[isobard]}"
}

no_right() {
	[ "$(id -u)" = 0 ] || return 0
	chmod 755 "$world"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$program" -s "$api_socket" status >"$world/out" 2>"$world/err"
	status=$? out='' err=$(<"$world/err")
	is "a user who has no right to the socket" 4 "no right"
}

stop() {
	run stop
	is "stop" 0 "has ended"
	holds "and it has" world_ended isobard
	world_stop isobard
	same "well" $? 0
	run status
	is "then it isn't running" 3 "isn't running"
}

main
