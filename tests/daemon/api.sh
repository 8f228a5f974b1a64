#!/usr/bin/env bash
# The HTTP API of a running isobard by curl: each route, who may ask it, bad input with its problem document, limits, and
# what happens when the store can't be written. Nothing that is refused may change what is served.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

main() {
	world_open
	world_prepare
	sed -i '/ probe: /d' "$world/zones/steering.yaml"	# no backends here
	world_settings="pae: external"
	holds "isobard gets ready" world_isobard
	tcp=http://127.0.0.1:$api_port
	before=$(served)
	stall_open
	process_routes
	every_view
	paths_and_methods
	make_tokens
	tokens_open_doors
	tokens_end
	tokens_badly_asked
	reports
	reports_badly_made
	limits
	zones
	zones_badly_made
	records
	records_badly_made
	folders
	overrides
	overrides_badly_made
	predictions_and_plans
	models
	live_scores
	explanations
	journal
	many_at_once
	broken_http
	metrics
	stall_ended
	store_locked
	nothing_leaked
	ends_with_requests_open
	finish
}

# ---- asking ----------------------------------------------------------------------------------------------------------

# Sets code, body and head. By the UNIX socket unless $token is set, then by TCP with it ("none": without a token).
ask() {	# METHOD PATH [BODY [CURL OPTIONS...]]
	local method=$1 path=$2 data=${3-} where=(--unix-socket "$api_socket") base=http://isobard
	shift $(($# < 3 ? $# : 3))
	if [ -n "${token-}" ]; then
		where=() base=$tcp
		[ "$token" = none ] || where=(-H "Authorization: Bearer $token")
	fi
	[ -z "$data" ] || where+=(--data-binary "$data")
	[[ -z $data || "$*" == *Content-Type* ]] || where+=(-H 'Content-Type: application/json')
	[ "$method" != HEAD ] || where+=(-I)
	code=$(curl -s --max-time 20 "${where[@]}" -X "$method" -D "$world/head" -o "$world/body" -w '%{http_code}' "$@" "$base$path")
	body=$(cat "$world/body" 2>/dev/null)
	head=$(tr -d '\r' <"$world/head")
}

is() {	# NAME STATUS [JQ FILTER that must be true of the body]
	if [ "$code" != "$2" ]; then
		not_ok "$1" "status $code instead of $2: $body"
	elif [ -n "${3-}" ] && ! jq -e "$3" <<<"$body" >/dev/null 2>&1; then
		not_ok "$1" "$3 isn't true of $body"
	else
		ok "$1"
	fi
}

# A problem document of this status whose detail or errors hold this text.
problem() {	# NAME STATUS TEXT
	if [ "$code" != "$2" ]; then
		not_ok "$1" "status $code instead of $2: $body"
	elif ! grep -qix 'content-type: application/problem+json' <<<"$head"; then
		not_ok "$1" "no problem document: $head"
	elif ! jq -e --argjson s "$2" '.status == $s and .type == "about:blank" and (.title | length) > 0' <<<"$body" >/dev/null; then
		not_ok "$1" "no good problem document: $body"
	elif [[ $body != *"$3"* ]]; then
		not_ok "$1" "'$3' isn't in $body"
	else
		ok "$1"
	fi
}

has_header() {	# NAME LINE
	if grep -qix "$2" <<<"$head"; then ok "$1"; else not_ok "$1" "no '$2' in $head"; fi
}

# All that queries may see, in one text.
served() {
	world_get /v1/export
}

unchanged() {	# NAME
	same "$1" "$(served)" "$before"
}

report() {	# SEQUENCE [HEALTHY [REGION]]
	cat <<-END
		{"agent": "a", "sequence": $1, "time": "$(date -u +%FT%TZ)", "capacity": 450,
		 "backends": [{"name": "b1", "service": "www.gtm.example.com.", "address": "127.0.0.1:80", "healthy": ${2-true},
		   "latency_ms": 1.5}],
		 "load": {"www.gtm.example.com.": 12.5}, "metrics": [{"name": "cpu", "value": 0.5, "unit": "ratio"}]}
	END
}

# ---- what watches it -------------------------------------------------------------------------------------------------

process_routes() {
	token=none ask GET /livez
	is "livez needs no token" 200 .live
	token=none ask GET /readyz
	is "readyz needs no token" 200 '.ready and .epoch == 1 and (.store_failing | not)'
	ask HEAD /v1/status
	is "HEAD is answered as GET" 200
	same "HEAD has no body" "$(stat -c %s "$world/body" 2>/dev/null)" "$(wc -c <"$world/head")"
	same "the socket is for owner and group only" "$(stat -c %a "$api_socket")" 660
}

every_view() {
	local path
	for path in status regions regions/eu-west services services/www.gtm.example.com weights plan predictions models \
		stats audit zones zones/gtm.example.com zones/gtm.example.com/records export overrides tokens \
		'explain?name=www.gtm.example.com'; do
		ask GET "/v1/$path"
		is "GET /v1/$path is a JSON object" 200 'type == "object"'
	done
	has_header "answers aren't cached" 'cache-control: no-store'
	ask GET /v1/status
	is "status tells zones, services and regions" 200 '.zones == 2 and .services == 5 and .regions.all == 3 and .regions.unknown == 3'
	is "status tells that there is no prediction, and why" 200 '(.predictions | length) == 3 and
		all(.predictions[]; .probability == null and (.no_prediction | length) > 0)'
	is "status tells what to look at" 200 'any(.problems[]; contains("has never reported"))'
	ask GET /v1/services/www.gtm.example.com
	is "a service's shares add up to 1, in every group" 200 'all(.groups[]; ([.shares[].share] | add) > 0.9999 and ([.shares[].share] | add) < 1.0001)'
	is "a residency rule holds in the shares" 200 '.groups[] | select(.group == "germany") | .shares == [{"region": "eu-west", "share": 1, "now": 1}]'
}

paths_and_methods() {
	ask GET /v1/nowhere
	problem "an unknown path" 404 "nothing at this path"
	ask GET /v1/regions/atlantis
	problem "an unknown region" 404 "no region 'atlantis'"
	ask GET /v1/services/ftp.gtm.example.com
	problem "an unknown service" 404 "no service"
	ask GET /v1/zones/example.net
	problem "an unknown zone" 404 "no zone 'example.net'"
	ask GET /v1/models/abc
	problem "an unknown model" 404 "no model 'abc'"
	ask PUT /v1/status
	problem "a method that a path doesn't have" 405 "PUT"
	has_header "405 tells which it has" 'allow: GET, HEAD'
	ask PATCH /v1/zones/gtm.example.com '{}'
	has_header "405 tells all of them" 'allow: GET, HEAD, PUT, DELETE'
	ask GET '/v1/audit?form=1&limt=2'
	problem "unknown parameters" 400 "no parameter 'form'"
	is "every one of them is told" 400 '.errors | length == 2'
	ask GET '/v1/audit?limit=1&limit=2'
	problem "a parameter twice" 400 "given twice"
	ask GET '/v1/regions/%zz'
	problem "a broken percent-escape" 400 "percent-escape"
	ask GET '/v1/regions/%00'
	problem "an escaped NUL" 400 "percent-escape"
	ask GET '/v1/regions/%c3%28'
	problem "an escape that is no UTF-8" 400 "percent-escape"
	ask GET '/v1/audit?from=%ff'
	problem "a parameter that is no UTF-8" 400 "percent-escape"
	ask GET /v1/status '{"a": 1}'
	problem "a body where none belongs" 400 "takes no body"
}

# ---- tokens ----------------------------------------------------------------------------------------------------------

make_tokens() {
	local name
	declare -gA tokens
	for name in admin read pae agent:eu-west; do
		ask POST /v1/tokens "{\"name\": \"t-${name/:/-}\", \"scope\": \"$name\"}"
		is "a token of the scope $name" 201 '(.token | startswith("isobar_")) and .expires == null'
		tokens[$name]=$(jq -r .token <<<"$body")
	done
	ask GET /v1/tokens
	is "tokens are listed without what opens doors" 200 '(.tokens | length) == 4 and (tostring | contains("isobar_") | not)'
	same "the store doesn't hold a token" "$(grep -c "${tokens[admin]}" "$world"/isobar.db "$world"/isobar.db-wal | cut -d: -f2 | sort -u)" 0
}

may() {	# SCOPE METHOD PATH STATUS [BODY]
	token=${tokens[$1]}
	ask "$2" "$3" "${5-}"
	token=
	same "scope $1: $2 $3" "$code" "$4"
}

tokens_open_doors() {
	local zone='{"text": "broken"}'
	token=none ask GET /v1/status
	problem "TCP without a token" 401 "bearer token"
	has_header "401 tells how" 'www-authenticate: Bearer'
	token=isobar_0000 ask GET /v1/status
	problem "an unknown token" 401 "no such token"
	token=none ask GET /v1/status '' -H "Authorization: Basic ${tokens[admin]}"
	problem "another scheme" 401 "bearer token"
	token=none ask GET /v1/status '' -H "authorization: bearer ${tokens[read]}"
	is "the scheme's case doesn't matter" 200
	token=none ask GET /metrics
	problem "metrics need a token by TCP" 401 "bearer token"

	may read GET /v1/status 200
	may read GET /metrics 200
	may read GET /v1/export 200
	may read PUT /v1/zones/example.net 403 "$zone"
	may read POST /v1/zones/example.net/check 403 "$zone"
	may read DELETE /v1/zones/gtm.example.com 403
	may read GET /v1/tokens 403
	may read POST /v1/tokens 403 '{}'
	may read POST /v1/overrides 403 '{}'
	may read POST /v1/plan 403 '{}'
	may read POST /v1/regions/eu-west/reports 403 "$(report 1)"
	may pae GET /v1/status 200
	may pae POST /v1/predictions 400 '{}'
	may pae POST /v1/plan 400 '{}'
	may pae POST /v1/models 400 '{}'
	may pae PUT /v1/zones/example.net 403 "$zone"
	may pae POST /v1/apply 403 '{}'
	may pae POST /v1/models/train 403
	may agent:eu-west POST /v1/regions/eu-west/reports 201 "$(report 1)"
	may agent:eu-west GET /v1/regions/eu-west 200
	may agent:eu-west GET /v1/regions/us-east 403
	may agent:eu-west GET /v1/status 403
	may agent:eu-west GET /metrics 403
	may agent:eu-west POST /v1/plan 403 '{}'
	may admin POST /v1/overrides 400 '{}'
	may admin POST /v1/reload 200
	may admin POST /v1/models/train 409
	may admin POST /v1/stop 403
	token=${tokens[agent:eu-west]}
	ask POST /v1/regions/us-east/reports "$(report 1)"
	problem "an agent can't speak for another region" 403 "can't speak for 'us-east'"
	token=
	ask GET /v1/regions/us-east
	is "and nothing of it was taken" 200 '.reported == null'
}

tokens_end() {
	ask POST /v1/tokens '{"name": "short", "scope": "read", "for_s": 1}'
	is "a token with an end" 201 '.expires != null'
	token=$(jq -r .token <<<"$body")
	holds "it ends" world_await 10 token_is_refused
	ask GET /v1/status
	problem "an expired token" 401 "has expired"
	token=
	ask POST /v1/tokens '{"name": "lost", "scope": "admin"}'
	token=$(jq -r .token <<<"$body")
	ask GET /v1/tokens
	is "a token opens" 200
	token=''
	ask DELETE /v1/tokens/lost
	is "it's revoked" 200
	token=$(jq -r .token <<<"$body")
	ask DELETE /v1/tokens/lost
	token=
	ask DELETE /v1/tokens/lost
	problem "twice is once too many" 404 "no token 'lost'"
}

token_is_refused() {
	ask GET /v1/status
	[ "$code" = 401 ]
}

tokens_badly_asked() {
	ask POST /v1/tokens '{"name": "t-read", "scope": "read"}'
	problem "a name that is taken" 409 "already"
	ask POST /v1/tokens '{"name": "a b", "scope": "root", "fors": 1}'
	problem "a bad token" 400 "A-Z"
	is "with every error" 400 '[.errors[].pointer] | sort == ["#/fors", "#/name", "#/scope"]'
	ask POST /v1/tokens '{"name": "x", "scope": "agent:"}'
	problem "an agent of no region" 400 "agent:REGION"
	ask POST /v1/tokens '{"name": "x", "scope": "read", "for_s": 0}'
	problem "a token that never lived" 400 "for_s"
}

# ---- reports ---------------------------------------------------------------------------------------------------------

reports() {
	ask POST /v1/regions/eu-west/reports "$(report 2)"
	is "a report is taken" 201 '.duplicate == false'
	same "it's in the store by then" "$(sqlite3 "$world/isobar.db" "SELECT count(*) FROM sample JOIN series ON series.id = series WHERE name = 'cpu'" 2>&1)" 2
	ask POST /v1/regions/eu-west/reports "$(report 2)"
	is "the same sequence again is told from a new one" 200 '.duplicate == true'
	same "and counted once" "$(sqlite3 "$world/isobar.db" "SELECT count(*) FROM sample JOIN series ON series.id = series WHERE name = 'cpu'" 2>&1)" 2
	ask GET /v1/regions/eu-west
	is "the region is up" 200 '.state == "up" and .capacity == 450 and .load == 12.5 and .seconds_since_report < 20'
	is "with its agent and its backend" 200 '.agents[0].agent == "a" and .agents[0].sequence == 2 and
		.backends == [{"backend": "b1", "agent": "a", "service": "www.gtm.example.com.", "address": "127.0.0.1:80", "healthy": true, "latency_ms": 1.5, "detail": null}]'
	ask POST /v1/regions/eu-west/reports "$(report 3 false)"
	is "a report of a dead service" 201
	same "the next answer is from another region" "$(world_dig +short www.gtm.example.com A +subnet=8.8.8.0/24 | grep -c '^127\.0\.0\.1[23]$')" 1
	same "but residency is kept when all legal regions are dead" "$(world_dig +short www.gtm.example.com A +subnet=198.51.100.0/24)" 127.0.0.11
	ask GET /v1/regions/eu-west
	is "the cause is told" 200 '.services[] | select(.service == "www.gtm.example.com.") | .dead and (.cause | length) > 0 and .healthy_backends == 0 and .backends == 1'
	ask GET /v1/weights
	is "and nobody is sent there now" 200 '.services[] | select(.service == "www.gtm.example.com.") | .regions[] | select(.region == "eu-west") | .now == 0 and .share == 0.5'
	ask POST /v1/regions/eu-west/reports "$(report 4)"
	ask POST /v1/regions/eu-west/reports "$(report 5)"
	ask GET /v1/regions/eu-west
	is "two good reports bring it back" 200 'all(.services[]; .dead | not)'
}

reports_badly_made() {
	local path=/v1/regions/eu-west/reports
	ask POST /v1/regions/atlantis/reports "$(report 1)"
	problem "a report of an unknown region" 404 "no such region"
	ask POST $path '{"agent": '
	problem "JSON that ends too early" 400 "ends too early"
	ask POST $path $'{\n"agent" "a"}'
	is "broken JSON is told with its line and column" 400 '.errors[0].line == 2 and .errors[0].column > 0'
	ask POST $path '[]'
	problem "no object" 400 "object"
	ask POST $path '{}'
	is "all that is missing, at once" 400 '(.errors | length) >= 3 and any(.errors[]; .pointer == "#/agent") and any(.errors[]; .pointer == "#/sequence")'
	ask POST $path '{"agent": "a", "sequence": 0, "time": "yesterday", "metrics": [{"name": "x", "value": "1"}], "capasity": 1}'
	is "wrong values by their pointers" 400 '[.errors[].pointer] | contains(["#/sequence", "#/time", "#/metrics/0/value", "#/capasity"])'
	is "with a suggestion" 400 'any(.errors[]; .pointer == "#/capasity" and .suggestion == "capacity")'
	ask POST $path '{"agent": "a", "agent": "b", "sequence": 1, "time": "2026-01-01T00:00:00Z"}'
	problem "a member twice" 400 "agent"
	ask POST $path '{"agent": "\u0000", "sequence": 1, "time": "2026-01-01T00:00:00Z"}'
	problem "a NUL in a text" 400 "u0000"
	ask POST $path "$(printf '[%.0s' {1..100})"
	problem "nested too deep" 400 "too deep"
	ask POST $path '{"agent": "a", "sequence": 1e400, "time": "2026-01-01T00:00:00Z"}'
	problem "a number beyond all numbers" 400 "sequence"
	ask POST $path $'{"agent": "\xff"}'
	problem "no UTF-8" 400 "UTF-8"
	ask POST $path ''
	problem "no body" 400 "needs a body"
	ask POST $path "$(report 9)" -H 'Content-Type: text/plain'
	problem "another media type" 415 "application/json"
	ask POST $path "$(report 9)" -H 'Content-Type:'
	problem "no media type" 415 "application/json"
	ask POST $path "$(report 6)" -H 'Content-Type: Application/JSON; charset=utf-8'
	is "a media type with a parameter" 201
	ask GET /v1/regions/eu-west
	is "of all these, only the last one counted" 200 '.agents[0].sequence == 6'
}

# ---- limits ----------------------------------------------------------------------------------------------------------

limits() {
	local path=/v1/regions/eu-west/reports
	head -c 1048577 /dev/zero | tr '\0' ' ' >"$world/large"
	ask POST $path '' -H 'Content-Type: application/json' --data-binary "@$world/large" -H 'Expect:'
	problem "one octet more than 1 MiB" 413 "1048576 octets"
	ask POST $path '' -H 'Content-Type: application/json' --data-binary "@$world/large" -H 'Expect: 100-continue'
	problem "the same, announced" 413 "1048576 octets"
	ask POST $path '' -H 'Content-Type: application/json' -H 'Transfer-Encoding: chunked' --data-binary "@$world/large"
	problem "the same in chunks, without a length" 413 "1048576 octets"
	token=none ask POST $path '' -H 'Content-Type: application/json' --data-binary "@$world/large" -H 'Expect:'
	problem "a client that sends all the same can read why it was refused" 401 "bearer token"
	{ report 7; head -c 1040000 /dev/zero | tr '\0' ' '; } >"$world/large"
	ask POST $path '' -H 'Content-Type: application/json' --data-binary "@$world/large"
	is "a body just below 1 MiB is taken" 201
	{ report 8; } >"$world/chunked"
	ask POST $path '' -H 'Content-Type: application/json' -H 'Transfer-Encoding: chunked' --data-binary "@$world/chunked"
	is "a body in chunks is taken" 201
	head -c 70000000 /dev/zero | tr '\0' ' ' >"$world/large"
	ask PUT /v1/zones/example.net '' -H 'Content-Type: text/plain' --data-binary "@$world/large"
	problem "a zone that is too large" 413 "67108864 octets"
	token=none ask PUT /v1/zones/example.net '' -H 'Content-Type: text/plain' --data-binary "@$world/large"
	problem "without a token none of it is read" 401 "bearer token"
	rm "$world/large"
}

# Clients that keep isobard waiting, on connections of their own, while all the rest of the tests go on: headers that stop,
# nothing at all, and a body of which an octet comes now and then.
stall_open() {
	exec {stall}<>"/dev/tcp/127.0.0.1/$api_port"
	printf 'POST /v1/regions/eu-west/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n' >&"$stall"
	exec {silent}<>"/dev/tcp/127.0.0.1/$api_port"
	exec {trickle}<>"/dev/tcp/127.0.0.1/$api_port"
	printf 'POST /v1/stop HTTP/1.1\r\nHost: x\r\nX: ' >&"$trickle"
	( trap '' PIPE; while sleep 1 && printf x >&"$trickle"; do :; done ) 2>/dev/null &
	trickler=$!
}

stall_ended() {
	local rest
	same "headers that never end are cut off" "$(timeout 20 cat <&"$stall" >/dev/null; echo $?)" 0
	same "a connection that says nothing is cut off" "$(timeout 20 cat <&"$silent" >/dev/null; echo $?)" 0
	same "headers of which an octet comes each second are cut off" "$(timeout 40 cat <&"$trickle" >/dev/null; echo $?)" 0
	kill "$trickler" 2>/dev/null
	wait "$trickler" 2>/dev/null
	exec {stall}>&- {silent}>&- {trickle}>&-
}

# ---- zones -----------------------------------------------------------------------------------------------------------

zone_text() {	# SERIAL
	# shellcheck disable=SC2016 # that is a directive of the master file
	printf '$TTL 60\n@ IN SOA ns1 hostmaster %s 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\nwww IN A 192.0.2.80\n' "$1"
}

zones() {
	ask PUT '/v1/zones/example.net?dry_run=true' "$(jq -n --arg t "$(zone_text 1)" '{text: $t}')"
	is "a dry run of a new zone" 200 '.dry_run and .zones == [{"zone": "example.net.", "what": "added"}] and .revision == 0'
	same "adds nothing" "$(world_dig +short example.net SOA)" ""
	ask POST /v1/zones/example.net/check '' -H 'Content-Type: text/plain' --data-binary "$(zone_text 1)"
	is "a check is a dry run" 200 '.zones == [{"zone": "example.net.", "what": "added"}]'
	unchanged "neither changed anything"
	ask PUT '/v1/zones/example.net?reason=new+customer' "$(jq -n --arg t "$(zone_text 1)" '{text: $t}')"
	is "a new zone" 200 '(.dry_run | not) and .zones[0].what == "added" and .revision > 1'
	same "is answered when 200 came" "$(world_dig +short www.example.net A)" 192.0.2.80
	ask GET '/v1/audit?limit=1'
	is "and it's in the journal, with author and reason" 200 ".entries[0] | .action == \"zone.import\" and .reason == \"new customer\" and .author == \"$(id -un)\" and .change.subject == \"example.net.\""
	ask PUT /v1/zones/example.net '' -H 'Content-Type: text/dns' --data-binary "$(zone_text 2)"$'\n'
	is "a master file as it is" 200 '.zones[0].what == "changed"'
	ask GET /v1/zones/EXAMPLE.net.
	is "a zone by another spelling" 200 '.zone == "example.net." and .serial == 2 and (.text | contains("192.0.2.80"))'
	ask PUT /v1/zones/0%2F25.2.0.192.in-addr.arpa '' -H 'Content-Type: text/plain' --data-binary "$(zone_text 1)"$'\n'
	is "a zone with a slash in its name (RFC 2317)" 200
	ask GET /v1/zones/0%2F25.2.0.192.in-addr.arpa
	is "is found by it" 200 '.serial == 1'
	ask GET /v1/export
	is "and exported to a file that has none" 200 '.files | has("0\\04725.2.0.192.in-addr.arpa.zone")'
	ask DELETE /v1/zones/0%2F25.2.0.192.in-addr.arpa
	is "and deleted" 200 '.zones[0].what == "deleted"'
	ask DELETE '/v1/zones/example.net?dry_run=true'
	is "a dry run of a deletion" 200 '.zones[0].what == "deleted"'
	same "deletes nothing" "$(world_dig +short www.example.net A)" 192.0.2.80
	ask DELETE /v1/zones/example.net
	is "a deletion" 200
	same "the zone is refused at once" "$(world_dig www.example.net A | grep -o 'status: [A-Z]*')" "status: REFUSED"
	unchanged "all is as it was"
}

zones_badly_made() {
	ask DELETE /v1/zones/example.net
	problem "deleting a zone that isn't there" 404 "no zone example.net."
	ask PUT /v1/zones/example.net '{"text": "@ IN SOA ns1\nwww IN A 1.2.3\nwww IN AAAAA ::1\n"}'
	is "a broken zone, with every place" 422 '(.errors | length) >= 3 and all(.errors[]; .file == "example.net.zone" and .line > 0 and .column > 0)'
	is "and a suggestion" 422 'any(.errors[]; .suggestion == "AAAA")'
	ask PUT /v1/zones/example.net '{"txt": ""}'
	is "no text" 400 '[.errors[].pointer] | contains(["#/text", "#/txt"])'
	ask PUT /v1/zones/example.net '{"text": 5}'
	problem "a text that is none" 400 "string"
	ask PUT /v1/zones/a..b "$(jq -n --arg t "$(zone_text 1)" '{text: $t}')"
	problem "no name of a zone" 400 "no name of a zone"
	ask PUT /v1/zones/. "$(jq -n --arg t "$(zone_text 1)" '{text: $t}')" --path-as-is
	problem "the root zone" 400 "no name of a zone"
	ask PUT /v1/zones/example.net '<zone/>' -H 'Content-Type: application/xml'
	problem "a zone of another media type" 415 "text/plain"
	printf 'a\0b' >"$world/nul"
	ask PUT /v1/zones/example.net '' -H 'Content-Type: text/plain' --data-binary "@$world/nul"
	problem "a NUL octet" 400 "NUL octet"
	ask PUT '/v1/zones/example.net?dry_run=perhaps' "$(jq -n --arg t "$(zone_text 1)" '{text: $t}')"
	problem "a parameter that is neither true nor false" 400 "dry_run"
	ask DELETE /v1/zones/gtm.example.com
	problem "a zone that steering.yaml needs" 422 "www.gtm.example.com"
	ask PUT /v1/zones/gtm.example.com "$(jq -n --arg t "$(zone_text 1)" '{text: $t}')"
	problem "a zone without the region records that steering.yaml needs" 422 "steering.yaml"
	unchanged "nothing of this changed anything"
}

records() {
	local path=/v1/zones/gtm.example.com/records
	ask PUT $path/new/A '{"ttl": 30, "rdata": ["192.0.2.77", "192.0.2.78"]}'
	is "records are set" 200 '.zones[0].what == "changed"'
	same "and answered" "$(world_dig +short new.gtm.example.com A | sort | tr '\n' ' ')" "192.0.2.77 192.0.2.78 "
	ask GET "$path?owner=new"
	is "by a relative owner" 200 '.records == [{"owner": "new.gtm.example.com.", "type": "A", "ttl": 30, "rdata": ["192.0.2.77", "192.0.2.78"]}]'
	ask GET "$path?owner=new.gtm.example.com&type=a"
	is "by a complete one" 200 '.records | length == 1'
	ask GET "$path?owner=@&type=SOA"
	is "the apex, with a serial that was raised" 200 '.records[0].rdata[0] | contains(" 2025010101 ")'
	ask PUT $path/new.gtm.example.com/TXT '{"ttl": 30, "rdata": ["\"a b\" \"c\""]}'
	is "another type" 200
	ask DELETE $path/new/A
	is "one type is deleted" 200
	ask GET "$path?owner=new"
	is "the other stays" 200 '[.records[].type] == ["TXT"]'
	ask DELETE $path/new
	is "all are deleted" 200
	ask GET "$path?owner=new"
	is "none is left" 200 '.records == []'
	holds "the comments of the zone are as they were" diff <(world_get /v1/zones/gtm.example.com | jq -r .text | grep '^;') \
		<(grep '^;' "$world/zones/gtm.example.com.zone")
	ask PUT /v1/zones/gtm.example.com "$(jq -n --rawfile t "$world/zones/gtm.example.com.zone" '{text: $t}')"
	is "back to the file" 200
	unchanged "all is as it was, to the octet"
}

records_badly_made() {
	local path=/v1/zones/gtm.example.com/records
	ask PUT /v1/zones/example.net/records/www/A '{"ttl": 1, "rdata": ["192.0.2.1"]}'
	problem "a record of an unknown zone" 404 "no zone 'example.net'"
	ask PUT $path/www.example.net./A '{"ttl": 1, "rdata": ["192.0.2.1"]}'
	problem "an owner outside the zone" 422 "no name in the zone"
	ask PUT $path/new/A '{"ttl": 1, "rdata": ["192.0.2.1", "192.0.2"]}'
	problem "a broken address" 422 "192.0.2"
	ask PUT $path/new/AAAAA '{"ttl": 1, "rdata": ["::1"]}'
	problem "an unknown type" 422 "AAAAA"
	ask PUT $path/new/A '{"ttl": -1, "rdata": [], "ttll": 5}'
	is "every error of the body" 400 '[.errors[].pointer] | sort == ["#/rdata", "#/ttl", "#/ttll"]'
	ask PUT $path/new/A '{"ttl": 1, "rdata": [5]}'
	problem "RDATA that is no text" 400 "texts"
	ask PUT $path/ns1/CNAME '{"ttl": 1, "rdata": ["x.example.net."]}'
	problem "a CNAME beside other records" 422 "CNAME"
	ask DELETE $path/nowhere/A
	problem "deleting records that aren't there" 422 "nowhere"
	ask DELETE $path/@/SOA
	problem "deleting the SOA" 422 "SOA"
	ask GET "$path?type=AAAAA"
	problem "listing an unknown type" 400 "no record type"
	ask GET "$path?owner=..."
	problem "listing no name" 400 "no name"
	unchanged "nothing of this changed anything"
}

# ---- folders ---------------------------------------------------------------------------------------------------------

folder_json() {	# FOLDER
	local file args=() filter='{}'
	for file in "$1"/*.zone "$1"/steering.yaml; do
		[ -f "$file" ] || continue
		args+=(--rawfile "f${#args[@]}" "$file")
		filter+=" | .files[\"${file##*/}\"] = \$f$((${#args[@]} - 3))"
	done
	jq -n "${args[@]}" "$filter"
}

folders() {
	local copy=$world/copy
	cp -r "$world/zones" "$copy"
	ask POST /v1/apply "$(folder_json "$copy")"
	is "the same folder changes nothing" 200 '.zones == [] and .moves == [] and (.steering_changed | not)'
	sed -i 's/eu-west: {weight: 5}/eu-west: {weight: 3}/' "$copy/steering.yaml"
	ask POST '/v1/apply?dry_run=true' "$(folder_json "$copy")"
	is "a dry run tells who would move" 200 '.steering_changed and (.moves | length) == 1 and .moves[0].service == "www.gtm.example.com." and .moves[0].share > 0.05 and .moves[0].share < 0.2'
	unchanged "and changes nothing"
	ask POST '/v1/apply?reason=less' "$(folder_json "$copy")"
	is "the folder is applied" 200 '.steering_changed and (.moves | length) == 1'
	ask GET /v1/services/www.gtm.example.com
	is "and counts" 200 '.regions[0].weight == 3 and .regions[0].share > 0.37 and .regions[0].share < 0.38'
	ask POST /v1/apply "$(folder_json "$world/zones")"
	is "and back" 200
	unchanged "all is as it was"

	cp "$world/zones/steering.yaml" "$copy/"
	sed -i 's/^  us-east:/  us-eats:/; s/sharding-policy: predictive/sharding-policy: predictve/' "$copy/steering.yaml"
	sed -i '5s/.*/broken/' "$copy/lab.gtm.example.com.zone"
	ask POST /v1/apply "$(folder_json "$copy")"
	is "a broken folder, with the places in every file" 422 '([.errors[].file] | unique) == ["lab.gtm.example.com.zone", "steering.yaml"]'
	is "and suggestions" 422 'any(.errors[]; .suggestion == "predictive")'
	ask POST /v1/apply '{"files": {"notes.md": "x", "a.zone": 5}}'
	is "files that are none" 400 '[.errors[].pointer] | sort == ["#/files/a.zone", "#/files/notes.md"]'
	ask POST /v1/apply '{"files": {"example.net": "", "example.net.zone": ""}}'
	problem "two files for one zone" 400 "is the zone example.net. too"
	ask POST /v1/apply '{"file": {}}'
	problem "no files" 400 "files"
	ask POST /v1/apply '{"files": []}'
	problem "files in a list" 400 "object"
	unchanged "nothing of this changed anything"
	rm -r "$copy"
}

# ---- overrides -------------------------------------------------------------------------------------------------------

overrides() {
	local id
	ask POST '/v1/overrides?dry_run=true' '{"region": "us-east", "reason": "try", "for_s": 600}'
	is "a dry run of a drain tells who would move" 200 '.dry_run and any(.moves[]; .service == "api.gtm.example.com." and .share == 0.25)'
	ask GET /v1/overrides
	is "and drains nothing" 200 '.overrides == []'
	ask POST /v1/overrides '{"region": "us-east", "reason": "new switch", "for_s": 600}'
	is "a drain" 200 '.override > 0 and (.moves | length) > 0'
	id=$(jq .override <<<"$body")
	ask GET /v1/overrides
	is "is listed with its author, reason and end" 200 ".overrides[0] | .id == $id and .region == \"us-east\" and .share == 0 and .reason == \"new switch\" and .author == \"$(id -un)\" and .until != null"
	ask GET /v1/regions/us-east
	is "and with the region" 200 '.drained_to == 0 and .drains[0].reason == "new switch"'
	same "nobody is sent there" "$(for _ in {1..20}; do world_dig +short api.gtm.example.com A; done | grep -c 127.0.0.12)" 0
	ask POST /v1/overrides '{"region": "us-east", "reason": "in part", "share": 0.5, "until": null}'
	is "a second one, in part and for ever" 200
	ask DELETE "/v1/overrides/$id?reason=done"
	is "the first one ends" 200 'any(.moves[]; .service == "api.gtm.example.com.")'
	ask GET /v1/regions/us-east
	is "the second one counts" 200 '.drained_to == 0.5 and (.drains | length) == 1 and .drains[0].until == null'
	ask DELETE "/v1/overrides/$(jq '.drains[0].id' <<<"$body")"
	is "that ends too" 200
	ask GET /v1/regions/us-east
	is "none is left" 200 '.drained_to == 1 and .drains == []'
	ask POST /v1/overrides '{"region": "us-east", "reason": "a second", "for_s": 1}'
	is "a drain of a second" 200
	holds "ends by itself" world_await 20 no_overrides
	ask GET '/v1/audit?limit=1'
	is "with a row in the journal" 200 '.entries[0].action == "override.expire"'
}

no_overrides() {
	world_get /v1/overrides | jq -e '.overrides == []'
}

overrides_badly_made() {
	ask POST /v1/overrides '{}'
	is "all that is missing" 400 '[.errors[].pointer] | contains(["#/region", "#/reason", "#/until"])'
	ask POST /v1/overrides '{"kind": "drian", "region": "us-east", "reason": "", "share": 2, "for_s": 5, "until": null, "x": 1}'
	is "all that is wrong" 400 '[.errors[].pointer] | contains(["#/kind", "#/share", "#/until", "#/x"])'
	is "with a suggestion" 400 'any(.errors[]; .suggestion == "drain")'
	ask POST /v1/overrides '{"region": "us-east", "reason": "", "for_s": 5}'
	problem "an empty reason" 400 "say why"
	ask POST /v1/overrides '{"region": "us-eats", "reason": "x", "for_s": 5}'
	is "an unknown region" 422 '.errors[0].pointer == "#/region" and .errors[0].suggestion == "us-east"'
	ask POST /v1/overrides '{"region": "us-east", "reason": "x", "until": "tomorrow"}'
	problem "an end that is no time" 400 "tomorrow"
	ask POST /v1/overrides '{"region": "us-east", "reason": "x", "until": "2020-01-01T00:00:00Z"}'
	problem "an end that has passed" 400 "has passed"
	ask POST /v1/overrides '{"region": "us-east", "service": "wwww.gtm.example.com.", "reason": "x", "for_s": 5}'
	problem "a drain of a service that there isn't" 422 "wwww.gtm"
	ask POST /v1/overrides '{"region": "us-east", "reason": "x", "for_s": 5, "over_s": -1}'
	problem "a way that takes less than no time" 400 "over_s"
	ask POST /v1/overrides '{"kind": "drill", "region": "us-east", "reason": "x", "for_s": 5}'
	problem "a drill of nothing" 400 "share"
	ask POST /v1/overrides '{"kind": "drill", "region": "us-east", "share": 0.5, "reason": "x", "until": null}'
	problem "a drill for ever" 400 "end"
	ask POST /v1/overrides '{"kind": "drill", "region": "us-east", "share": 0.5, "reason": "x", "for_s": 5, "force": true}'
	problem "a drill that is forced" 400 "forced"
	ask DELETE /v1/overrides/4711
	problem "an override that isn't there" 404 "4711"
	ask DELETE /v1/overrides/first
	problem "an override that is no number" 404 "first"
	ask GET /v1/overrides
	is "nothing of this drained anything" 200 '.overrides == []'
}

# ---- what the PAE sends ----------------------------------------------------------------------------------------------

predictions_and_plans() {
	local now plan
	now=$(date -u +%FT%TZ)
	ask POST /v1/predictions "{\"predictions\": [
		{\"at\": \"$now\", \"region\": \"eu-west\", \"horizon_s\": 600, \"probability\": 0.125, \"load_forecast\": 33, \"model\": \"m\",
			\"anomaly_rank\": 0.75, \"anomaly_why\": [{\"metric\": \"mem\", \"value\": 0.9, \"without\": 0.5}]},
		{\"at\": \"$now\", \"region\": \"us-east\", \"horizon_s\": 600, \"probability\": null, \"load_forecast\": null, \"reason\": \"too few samples\",
			\"anomaly_rank\": null, \"anomaly_reason\": \"too young\"}]}"
	is "predictions are taken" 200
	ask GET /v1/regions/eu-west
	is "and told" 200 '.probability == 0.125 and .load_forecast == 33 and .horizon_s == 600 and .no_prediction == null and .anomaly_rank == 0.75 and .no_rank == null'
	ask GET /v1/status
	is "and why there is none" 200 '.predictions[] | select(.region == "us-east") | .probability == null and .no_prediction == "too few samples" and
		.anomaly_rank == null and .no_rank == "too young"'
	ask GET "/v1/predictions?since=2020-01-01T00:00:00Z"
	is "and kept" 200 '(.predictions | length) == 2 and (.predictions[] | select(.region == "us-east") | .probability == null and .anomaly_reason == "too young") and
		(.predictions[] | select(.region == "eu-west") | .anomaly_rank == 0.75 and .anomaly_why[0].metric == "mem")'
	ask GET "/v1/predictions?since=today"
	problem "since when?" 400 "today"
	ask POST /v1/predictions '{"predictions": [{"at": "x", "region": 5, "horizon_s": 0, "probability": 1.5, "mode": ""}]}'
	is "predictions with every error" 400 '[.errors[].pointer] | contains(["#/predictions/0/at", "#/predictions/0/region", "#/predictions/0/horizon_s", "#/predictions/0/probability", "#/predictions/0/mode"])'
	ask POST /v1/predictions "{\"predictions\": [{\"at\": \"$now\", \"region\": \"eu-west\", \"horizon_s\": 600, \"anomaly_rank\": 1.5, \"anomaly_why\": 1}]}"
	is "a rank beyond 1" 400 '[.errors[].pointer] | contains(["#/predictions/0/anomaly_rank", "#/predictions/0/anomaly_why"])'
	ask POST /v1/predictions '{"predictions": {}}'
	problem "predictions in no list" 400 "predictions"

	plan='{"made": "'$now'", "model": "m", "services": [{"service": "www.gtm.example.com.", "groups": [
		{"group": "default", "pairs": [{"primary": "eu-west", "backup": "us-east", "share": 0.25}, {"primary": "us-east", "backup": "eu-west", "share": 0.75}]},
		{"group": "germany", "pairs": [{"primary": "eu-west", "backup": null, "share": 1}]}]}]}'
	ask POST /v1/plan "$plan"
	is "a plan is taken" 200 '.epoch > 1'
	ask GET /v1/weights
	is "and counts" 200 '.services[] | select(.service == "www.gtm.example.com.") | .regions[] | select(.region == "us-east") | .share == 0.75'
	ask GET /v1/plan
	is "and told" 200 '.plan.model == "m" and .refused == null and .planned != null'
	ask POST /v1/plan "${plan//eu-west\", \"backup\": null/us-east\", \"backup\": null}"
	ask GET /v1/weights
	is "a plan against the law moves nobody against it" 200 '.services[] | select(.service == "www.gtm.example.com.") | .groups[] | select(.group == "germany") | .shares[0].region == "eu-west"'
	ask POST /v1/plan "${plan//0.25/0.5}"
	problem "shares that aren't 1" 400 "add up to"
	ask POST /v1/plan '{"made": "x", "services": [{"service": "ftp.example.com", "groups": []}]}'
	is "a plan with every error" 400 '[.errors[].pointer] | contains(["#/made", "#/services/0/service"])'
	ask POST /v1/plan "${plan/\"share\": 0.25/\"share\": 0.5}"
}

models() {
	local id
	id=$(printf 'model text' | sha256sum | cut -d' ' -f1)
	ask POST /v1/models '{"kind": "failure", "trained": "2026-01-01T00:00:00Z", "status": "serving", "card": {"score": 0.5}, "text": "model text"}'
	is "a model is taken, named by its hash" 201 ".model == \"$id\""
	ask POST /v1/models '{"kind": "failure", "trained": "2026-01-02T00:00:00Z", "status": "serving", "card": {}, "text": "other"}'
	is "another one" 201
	ask GET /v1/models
	is "retires the first" 200 '[.models[].status] == ["serving", "retired"] and (.models[0] | has("text") | not)'
	ask GET "/v1/models/$id"
	is "one model, whole" 200 '.text == "model text" and .card.score == 0.5 and .kind == "failure"'
	ask POST /v1/models '{"kind": "weather", "trained": "x", "status": "served", "card": 5, "txt": ""}'
	is "a model with every error" 400 '[.errors[].pointer] | contains(["#/kind", "#/trained", "#/status", "#/card", "#/text", "#/txt"])'
	ask POST /v1/models/train
	problem "training by someone else" 409 "SIGUSR1"
}

# What models were worth in service. "other" serves; the shipped one of another horizon isn't in the store.
live_scores() {
	local serving numbers
	serving=$(printf 'other' | sha256sum | cut -d' ' -f1)
	ask GET /v1/models
	is "without a review nothing is proven" 200 '[.models[] | .live == null and .live_state == "unproven"] == [true, true] and .live == []'
	ask GET /metrics
	same "and there are no scores" "$(grep -c '^isobar_model_live\|^isobar_model_proven' <<<"$body")" 0
	numbers='{"incidents": 12, "average_precision": 0.5, "base_rate": 0.01, "brier_skill": 0.25, "calibration_error": 0.004, "recall": 0.75, "false_alarms_per_day": 0.5, "median_lead_s": null}'
	ask POST "/v1/models/$serving/review" "{\"action\": \"reviewed\", \"to\": \"\", \"horizon_s\": 600, \"reason\": \"\", \"numbers\": $numbers}"
	is "a review is taken" 200
	ask POST /v1/models/shipped/review '{"action": "reviewed", "to": "", "horizon_s": 300, "reason": "unproven: 3 incidents", "numbers": {"incidents": 3, "average_precision": null}}'
	is "one of a shipped model, too" 200
	ask GET "/v1/models/$serving"
	is "the model has its live scores" 200 '.live_state == "proven" and .live.incidents == 12 and .live.brier_skill == 0.25 and .live.median_lead_s == null and (.live.at | startswith("20"))'
	ask GET /v1/models
	is "those that serve stand beside the list" 200 '[.live[] | [.model, .horizon_s, .live_state, .live.incidents, .live.brier_skill]] == [["shipped", 300, "unproven", 3, null], ["'"$serving"'", 600, "proven", 12, 0.25]]'
	ask GET /metrics
	same "Prometheus has them, and nothing for what isn't known" "$(grep '^isobar_model' <<<"$body" | grep -v time | sort)" "$(sort <<'EOF'
isobar_model_live_average_precision{kind="failure",horizon="600"} 0.5
isobar_model_live_base_rate{kind="failure",horizon="600"} 0.01
isobar_model_live_brier_skill{kind="failure",horizon="600"} 0.25
isobar_model_live_calibration_error{kind="failure",horizon="600"} 0.0040000000000000001
isobar_model_live_events{kind="failure",horizon="300"} 3
isobar_model_live_events{kind="failure",horizon="600"} 12
isobar_model_live_false_alarms_per_day{kind="failure",horizon="600"} 0.5
isobar_model_live_recall{kind="failure",horizon="600"} 0.75
isobar_model_proven{kind="failure",horizon="300"} 0
isobar_model_proven{kind="failure",horizon="600"} 1
EOF
)"
	ask POST /v1/models/shipped/review '{"action": "returned", "to": "", "horizon_s": 300, "reason": "drifted", "numbers": {"incidents": 30, "brier_skill": -1}}'
	ask GET /metrics
	same "a model that was returned from serves no more" "$(grep -c 'horizon="300"' <<<"$body")" 0
}

explanations() {
	ask GET '/v1/explain?name=www.gtm.example.com&client=198.51.100.7'
	is "a client bound by residency" 200 '.steered and .client.group == "germany" and .residency.legal == ["eu-west"] and .chosen == "eu-west" and .residency.rules[0].applies'
	is "each region, and why not" 200 '(.regions | length) == 3 and (.regions[] | select(.region == "us-east") | (.kept | not) and (.why | contains("rule 1")))'
	same "is told what it's answered" "$(jq -r '.records[]' <<<"$body")" "$(world_dig +short www.gtm.example.com A +subnet=198.51.100.7/32)"
	for client in 8.8.8.0/24 192.0.2.1 203.0.113.0/24 2001:db8:49::/48 2001:db8:77::1; do
		ask GET "/v1/explain?name=www.gtm.example.com&type=AAAA&client=$client"
		same "explained as answered: $client" "$(jq -r '.records[]' <<<"$body")" \
			"$(world_dig +short www.gtm.example.com AAAA "+subnet=${client%/*}$([[ $client == */* ]] && echo "/${client#*/}")")"
	done
	is "a slot with its list" 200 '.slot.number < .slot.of and .slot.list[0] == .chosen and .outcome == "listed"'
	ask GET '/v1/explain?name=ns1.gtm.example.com'
	is "a name that isn't steered" 200 '(.steered | not) and (.why_not | contains("isn'"'"'t a service"))'
	ask GET '/v1/explain?name=www.example.net'
	is "a name of nobody" 200 '(.steered | not) and .zone == null and (.why_not | contains("REFUSED"))'
	ask GET '/v1/explain?name=www.gtm.example.com&type=MX'
	is "a type that no region has" 200 '(.steered | not) and (.why_not | contains("no region has"))'
	ask GET '/v1/explain?client=1.2.3&type=AAAAA'
	is "every error of the question" 400 '.errors | length == 3'
	ask GET '/v1/explain?name=www.gtm.example.com&client=192.0.2.1/24'
	problem "a prefix with bits behind its length" 400 "192.0.2.1/24"
}

# ---- the journal -----------------------------------------------------------------------------------------------------

journal() {
	ask GET '/v1/audit?verify=true&limit=1000'
	is "the chain is whole and complete" 200 '.chain.whole and .chain.verified == .revision and ([.entries[].revision] == [range(1; .revision + 1)])'
	is "each row has its author" 200 'all(.entries[]; .author | length > 0)'
	ask GET '/v1/audit?from=2&limit=3'
	is "a part of it" 200 '[.entries[].revision] == [2, 3, 4]'
	ask GET '/v1/audit?limit=0'
	is "none of it" 200 '.entries == []'
	ask GET '/v1/audit?from=-1&limit=1001&verify=yes'
	is "every error of the question" 400 '.errors | length == 3'
}

# ---- many, and broken ones -------------------------------------------------------------------------------------------

many_at_once() {
	local i config=$world/many
	for i in $(seq 50); do
		report $((1000 + i)) >"$world/report-$i"
		printf 'next\nurl = "%s/v1/regions/eu-west/reports"\nheader = "Authorization: Bearer %s"\nheader = "Content-Type: application/json"\ndata-binary = "@%s"\noutput = /dev/null\nwrite-out = "%%{http_code}\\n"\nsilent\n' \
			"$tcp" "${tokens[agent:eu-west]}" "$world/report-$i"
		printf 'next\nurl = "%s/v1/status"\nheader = "Authorization: Bearer %s"\noutput = /dev/null\nwrite-out = "%%{http_code}\\n"\nsilent\n' \
			"$tcp" "${tokens[read]}"
	done >"$config"
	sed -i 1d "$config"
	same "50 agents and 50 readers at once" "$(curl --no-progress-meter --parallel --parallel-immediate --parallel-max 100 --max-time 30 -K "$config" | sort | uniq -c | tr -s ' \n' ' ')" " 50 200 50 201 "
	same "no report of them was lost" "$(sqlite3 "$world/isobar.db" "SELECT count(*) FROM report WHERE sequence > 1000" 2>&1)" 50
	for i in $(seq 20); do
		printf '{"ttl": 30, "rdata": ["192.0.2.%d"]}' "$i" >"$world/record-$i"
		printf 'next\nurl = "%s/v1/zones/gtm.example.com/records/many-%d/A"\nrequest = PUT\nheader = "Authorization: Bearer %s"\nheader = "Content-Type: application/json"\ndata-binary = "@%s"\noutput = /dev/null\nwrite-out = "%%{http_code}\\n"\nsilent\n' \
			"$tcp" "$i" "${tokens[admin]}" "$world/record-$i"
	done >"$config"
	sed -i 1d "$config"
	same "20 edits of one zone at once" "$(curl --no-progress-meter --parallel --parallel-immediate --parallel-max 20 --max-time 30 -K "$config" | sort | uniq -c | tr -s ' \n' ' ')" " 20 200 "
	ask GET /v1/zones/gtm.example.com/records
	is "all of them count" 200 '[.records[] | select(.owner | startswith("many-"))] | length == 20'
}

raw() {	# BYTES for printf; prints the first line of the answer
	local fd
	trap '' PIPE	# a server that has seen enough answers and closes before all is written
	exec {fd}<>"/dev/tcp/127.0.0.1/$api_port"
	# shellcheck disable=SC2059 # that's what it is for
	printf "$1" >&"$fd"
	timeout 5 head -n 1 <&"$fd" | tr -d '\r'
	exec {fd}>&-
}

broken_http() {
	holds "no HTTP at all" test "$(raw 'SSH-2.0-x\r\n\r\n' | grep -c ' 200 ')" = 0
	same "HTTP/1.1 without a host" "$(raw 'GET /livez HTTP/1.1\r\n\r\n')" "HTTP/1.1 400 Bad Request"
	same "a length that is no number" "$(raw 'POST /v1/plan HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n' | cut -d' ' -f2)" 400
	holds "headers without an end" grep -qE ' 4(13|14|31) ' <<<"$(raw "GET /livez HTTP/1.1\r\nHost: x\r\nX: $(printf 'x%.0s' {1..70000})\r\n\r\n")"
	token=none ask GET /livez
	is "and it lives" 200
}

metrics() {
	local out
	ask GET /metrics
	is "metrics" 200
	has_header "in the text format" 'content-type: text/plain; version=0.0.4; charset=utf-8'
	if out=$(promtool check metrics <"$world/body" 2>&1); then ok "promtool finds nothing"; else not_ok "promtool finds nothing" "$out"; fi
	same "all are ours" "$(grep -v '^#' "$world/body" | grep -vc '^isobar_')" 0
	same "isobar-api(7) tells every metric, and no other" "$(sed -n 's/^\.It Va \(isobar_.*\)/\1/p' "$ISOBAR_SOURCE/man/isobar-api.7" | sort)" \
		"$(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$world/body" | sort)"
	# It's silent by now where all that came before took long.
	holds "a region's state" grep -qxE 'isobar_region_state\{region="eu-west",state="(up|silent)"\} 1' "$world/body"
	holds "how odd it is" grep -qx 'isobar_region_anomaly_rank{region="eu-west"} 0.75' "$world/body"
	same "none where none is known" "$(grep -c 'isobar_region_anomaly_rank{region="us-east"}' "$world/body")" 0
	holds "a region's probability" grep -qx 'isobar_region_failure_probability{region="eu-west"} 0.125' "$world/body"
	same "none where none is known" "$(grep -c 'isobar_region_failure_probability{region="us-east"}' "$world/body")" 0
	holds "reports" grep -qE '^isobar_reports_total\{result="duplicate"\} [1-9]' "$world/body"
	holds "answers by service and region" grep -qE '^isobar_service_answers_total\{service="api.gtm.example.com.",region="eu-west"\} [1-9]' "$world/body"
	same "no name and no client is a label" "$(grep -cE 'example\.net|198\.51\.100|8\.8\.8' "$world/body")" 0
}

# ---- a store that can't be written -----------------------------------------------------------------------------------

lock_store() {
	coproc holder { sqlite3 "$world/isobar.db"; }
	# shellcheck disable=SC2154 # coproc sets these
	lock_pid=$holder_PID lock_in=${holder[1]}
	printf 'BEGIN EXCLUSIVE;\nSELECT 1;\n' >&"$lock_in"
	read -r -u "${holder[0]}" _
}

unlock_store() {
	printf 'ROLLBACK;\n.quit\n' >&"$lock_in"
	wait "$lock_pid" 2>/dev/null
}

store_locked() {
	lock_store
	ask POST /v1/regions/eu-west/reports "$(report 5000)"
	problem "a report when the store is locked" 503 "again"
	has_header "comes again later" 'retry-after: [1-9][0-9]*'
	ask PUT /v1/zones/gtm.example.com/records/locked/A '{"ttl": 1, "rdata": ["192.0.2.1"]}'
	problem "a change when the store is locked" 503 "locked"
	ask POST /v1/tokens '{"name": "locked", "scope": "read"}'
	problem "a token when the store is locked" 503 "store"
	ask GET /v1/status
	is "status tells it" 200 '.store.failing and any(.problems[]; contains("store can'"'"'t be written"))'
	ask GET /readyz
	is "it's ready all the same" 200 '.ready and .store_failing'
	token=${tokens[read]}
	ask GET /v1/regions
	token=
	is "tokens are still known" 200
	same "queries are answered" "$(world_dig +short any.shop.gtm.example.com A)" 127.0.0.21
	same "by what was before" "$(world_dig locked.gtm.example.com A | grep -o 'status: [A-Z]*')" "status: NXDOMAIN"
	unlock_store
	ask POST /v1/regions/eu-west/reports "$(report 5000)"
	is "then the same report is taken, as new" 201 '.duplicate == false'
	ask GET /v1/status
	is "and the store is in order" 200 '.store.failing | not'
}

nothing_leaked() {
	same "no token is in the log" "$(grep -c isobar_ "$world/log/isobard")" 0
}

# A report and a token wait for the store while the daemon is told to end: all get an answer, and it ends well.
ends_with_requests_open() {
	local pid=${world_pids[isobard]} report token_pid
	lock_store
	curl -s --max-time 30 -o /dev/null -w '%{http_code}\n' --unix-socket "$api_socket" -H 'Content-Type: application/json' \
		-d "$(report 6000)" http://isobard/v1/regions/eu-west/reports >"$world/waiting-report" &
	report=$!
	curl -s --max-time 30 -o /dev/null -w '%{http_code}\n' --unix-socket "$api_socket" -H 'Content-Type: application/json' \
		-d '{"name": "late", "scope": "read"}' http://isobard/v1/tokens >"$world/waiting-token" &
	token_pid=$!
	holds "they wait" world_await 10 store_has_work
	ask POST /v1/stop
	is "stop is answered" 200 ".pid == $pid"
	wait "$report" "$token_pid"
	same "a waiting report is answered" "$(cat "$world/waiting-report")" 503
	same "a waiting token is answered" "$(cat "$world/waiting-token")" 503
	holds "the process ends" world_await 20 world_ended isobard
	unlock_store
	world_stop isobard
	same "with status 0" $? 0
	holds "and its socket is gone" test ! -e "$api_socket"
	same "what was answered 503 isn't stored" \
		"$(sqlite3 "$world/isobar.db" "SELECT (SELECT count(*) FROM report WHERE sequence = 6000) + (SELECT count(*) FROM token WHERE name = 'late')")" 0
}

store_has_work() {
	world_get /v1/status | jq -e '.store.queue > 0'
}

main
