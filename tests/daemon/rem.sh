#!/usr/bin/env bash
# isobar-rem against isobard and real backends (HAProxy): options, each kind of probe, what is reported, the token, a
# reload, two agents on one spool, and what remains of its reports when either of them is killed at any moment.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

rem=$ISOBAR_BUILD/rem-agent/isobar-rem
address=127.0.0.11
region=eu-west

sql() { sqlite3 -cmd '.timeout 5000' "$world/isobar.db" "$1"; }

# ---- options and settings --------------------------------------------------------------------------------------------

options() {
	local output
	same "version" "$("$rem" -V)" "isobar-rem $(sed -n 's/^AC_INIT(\[isobar\], \[\(.*\)\])$/\1/p' "$ISOBAR_SOURCE/configure.ac")"
	holds "help" grep -q -- --check-config <("$rem" --help)
	same "the manual page has the options that it prints, and no others" \
		"$(sed -n 's/^\.It Fl \([a-zA-Z]\) , Fl -\([a-z-]*\).*/\1 \2/p' "$ISOBAR_SOURCE/man/isobar-rem.8")" \
		"$("$rem" -h | sed -n 's/^  -\([a-zA-Z]\), --\([a-z-]*\).*/\1 \2/p')"
	"$rem" -x >/dev/null 2>&1
	same "an unknown option is wrong usage" $? 2
	"$rem" settings.yaml >/dev/null 2>&1
	same "an argument is wrong usage" $? 2
	"$rem" -c "$world/nowhere.yaml" >/dev/null 2>&1
	same "settings that aren't there" $? 1
	printf 'region: eu-west\ncontroller: unix:%s\nspool: {path: %s/spool-t}\n' "$api_socket" "$world" >"$world/good.yaml"
	same "good settings" "$("$rem" -t -c "$world/good.yaml" 2>&1)" "$world/good.yaml: good"
	same "a check leaves no spool" "$(ls -d "$world/spool-t" 2>/dev/null)" ""
	printf 'regoin: eu-west\nregion: eu-west\ninterval: 5\nload:\n  - {service: a.example, url: ftp://x/, metric: "a{"}\n' >"$world/bad.yaml"
	output=$("$rem" -t -c "$world/bad.yaml" 2>&1)
	same "bad settings fail" $? 1
	same "and every error is told" "$(grep -c "^$world/bad.yaml:[0-9]*:[0-9]*: " <<<"$output")" 5
	printf 'region: eu-west\ncontroller: unix:%s\nspool: {path: /proc/nowhere}\n' "$api_socket" >"$world/no-spool.yaml"
	output=$("$rem" -c "$world/no-spool.yaml" 2>&1)
	same "a spool that can't be made" $? 1
	holds "and it's told which" grep -q "can't start: /proc/nowhere" <<<"$output"
}

# ---- the world -------------------------------------------------------------------------------------------------------

certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=www.gtm.example.com \
		-keyout "$world/key.pem" -out "$world/cert.pem" 2>/dev/null && cat "$world/key.pem" "$world/cert.pem" >"$world/tls.pem"
}

backends() {	# every port answers its own way
	cat >"$world/haproxy.cfg" <<-END
		global
		    nbthread 1
		    maxconn 256
		defaults
		    mode http
		    timeout client 10s
		    timeout connect 2s
		    timeout server 10s
		frontend web
		    bind $address:$backend_port
		    http-request return status 503 if { path /broken }
		    http-request return status 302 hdr location http://127.0.0.1:1/ if { path /moved }
		    http-request return status 200 content-type text/plain string yes if { path /host } { hdr(host) -m str www.gtm.example.com }
		    http-request return status 404 if { path /host }
		    http-request return status 200 content-type text/plain string "$region"
		frontend tls
		    bind $address:$tls_port ssl crt $world/tls.pem
		    http-request return status 200 content-type text/plain string "$region"
		frontend metrics
		    bind $address:$metrics_port
		    http-request use-service prometheus-exporter if { path /metrics }
	END
	world_start backend haproxy -db -f "$world/haproxy.cfg"
	world_await 10 curl -sf --max-time 1 "http://$address:$backend_port/"
}

# A process of its own, that can go and come back while the others stay.
switched_start() {
	cat >"$world/switched.cfg" <<-END
		defaults
		    mode http
		    timeout client 10s
		frontend switched
		    bind $address:$switched_port
		    http-request return status 200 content-type text/plain string "$region"
	END
	world_start switched haproxy -db -f "$world/switched.cfg"
	world_await 10 curl -sf --max-time 1 "http://$address:$switched_port/"
}

backend_line() {	# NAME PORT PROBE
	printf '  - {name: %s, service: www.gtm.example.com, address: %s@%s, probe: {%s, interval: 1s, timeout: 1s, rise: 1, fall: 2}}\n' \
		"$1" "$address" "$2" "$3"
}

settings() {	# INTERVAL CONTROLLER [TOKEN_FILE]
	cat <<-END
		region: $region
		agent: rem-1
		controller: $2
		${3:+token-file: $3}
		interval: $1
		capacity: 12k
		spool: {path: $world/spool}
		latency-file: $world/latency.csv
		load:
		  - {service: www.gtm.example.com, url: "http://$address:$metrics_port/metrics",
		     metric: 'haproxy_frontend_http_requests_total{proxy="web"}',
		     errors: 'haproxy_frontend_http_responses_total{proxy="web",code="5xx"}'}
		metrics-endpoints:
		  - {url: "http://$address:$metrics_port/metrics", prefix: web.,
		     series: ['sessions=haproxy_frontend_current_sessions{proxy="web"}', 'haproxy_frontend_bytes_out_total{proxy="web"}']}
		  - {url: "http://$address:$dead_port/metrics"}
		backends:
	END
	backend_line tcp "$backend_port" "kind: tcp"
	backend_line tcp-dead "$dead_port" "kind: tcp"
	backend_line http "$backend_port" "kind: http, path: /"
	backend_line http-broken "$backend_port" "kind: http, path: /broken"
	backend_line http-moved "$backend_port" "kind: http, path: /moved"
	backend_line http-moved-only-200 "$backend_port" "kind: http, path: /moved, status: 200"
	backend_line http-host "$backend_port" "kind: http, path: /host, host: www.gtm.example.com"
	backend_line http-other-host "$backend_port" "kind: http, path: /host, host: other.example.com"
	backend_line https "$tls_port" "kind: https"
	backend_line https-self-signed "$tls_port" "kind: https, host: www.gtm.example.com"
	backend_line switched "$switched_port" "kind: http"
}

backend_states() {	# "name good" or "name bad: why", as isobard has them
	world_get "/v1/regions/$region" | jq -r '.backends[] | .backend + if .healthy then " good" else " bad: " + .detail end'
}

expected_states="tcp good
tcp-dead bad: connection refused
http good
http-broken bad: status 503, not 200 to 399
http-moved good
http-moved-only-200 bad: status 302, not 200 to 200
http-host good
http-other-host bad: status 404, not 200 to 399
https good
https-self-signed bad: SSL certificate problem
switched good"

states() {
	backend_states | sed 's/SSL certificate problem.*/SSL certificate problem/'
}

some_states() {
	[ -n "$(states)" ]
}

states_are_right() {
	[ "$(states)" = "$expected_states" ]
}

switched_is() {	# good|bad
	backend_states | grep -q "^switched $1"
}

latencies_are() {	# "CLIENTS MS" each, by blanks
	[ "$(world_get /v1/latency | jq -r '[.latency[] | select(.region == "eu-west" and .source == "agent") |
		"\(.clients) \(.ms)"] | join(", ")')" = "$1" ]
}

write_latencies() {	# LINE...
	printf '%s\n' clients,milliseconds "$@" >"$world/latency.new"
	mv "$world/latency.new" "$world/latency.csv"
}

latencies() {
	write_latencies germany,18.5 FR,31
	holds "a table of latencies is reported" world_await 10 latencies_are "FR 31, germany 18.5"
	write_latencies germany,fast
	holds "a broken one isn't" world_await 10 grep -q "latency.csv:2:9: 'fast' is no number" "$world/log/rem"
	holds "what was stays" latencies_are "FR 31, germany 18.5"
	write_latencies germany,20
	holds "the next one takes its place" world_await 10 latencies_are "germany 20"
}

# ---- what is reported ------------------------------------------------------------------------------------------------

probes() {
	settings 1h "unix:$api_socket" >"$world/rem.yaml"
	world_start rem "$rem" -c "$world/rem.yaml"
	holds "the first report doesn't wait for its interval" world_await 20 some_states
	world_await 20 states_are_right
	same "each kind of probe has its verdict" "$(states)" "$expected_states"
	same "capacity is the agent's" "$(world_get "/v1/regions/$region" | jq .capacity)" 12000

	world_stop switched
	holds "a backend that goes down is reported at once" world_await 10 switched_is bad
	switched_start
	holds "and so is its return" world_await 10 switched_is good
}

# Stopped for longer than a probe may take: that is the agent's trouble, not the backends'.
held_up() {
	local downs before
	downs=$(grep -c ' is down' "$world/log/rem")
	kill -STOP "${world_pids[rem]}"
	sleep 3
	kill -CONT "${world_pids[rem]}"
	before=$(newest)
	world_await 10 newer_than $((before + 5))
	same "an agent that was stopped blames no backend" "$(grep -c ' is down' "$world/log/rem")" "$downs"
}

# By another interval, with metrics, over a reload that keeps what is known.
reload() {
	local before
	before=$(grep -c ' is up' "$world/log/rem")
	printf 'region: [\n' >"$world/rem.yaml"
	kill -HUP "${world_pids[rem]}"
	holds "a reload of bad settings changes nothing" world_await 10 grep -q 'has errors: the former settings stay' "$world/log/rem"
	settings 300ms "unix:$api_socket" >"$world/rem.yaml"
	kill -HUP "${world_pids[rem]}"
	holds "a reload of good ones" world_await 10 grep -q 'rem.yaml was read again' "$world/log/rem"
	holds "and metrics come by the new interval" world_await 10 metrics_are_there
	same "backends that stayed kept their verdicts" "$(grep -c ' is up' "$world/log/rem")" "$before"
}

metric_names() {
	sql "SELECT DISTINCT name FROM series WHERE region = '$region' ORDER BY name" | tr '\n' ' '
}

metrics_are_there() {
	[[ " $(metric_names) " == *" cpu "*" rps "* ]]
}

metrics() {
	local name missing=
	for name in cpu mem disk load1 conns retrans probe_ok err_ratio lat_p50_ms lat_p99_ms hb_missed rps web.sessions \
		web.haproxy_frontend_bytes_out_total load:www.gtm.example.com. agent_waiting; do
		[[ " $(metric_names) " == *" $name "* ]] || missing+="$name "
	done
	same "the metrics are in the store" "$missing" ""
	same "shares are shares" "$(sql "SELECT count(*) FROM sample JOIN series ON series.id = sample.series
		WHERE name IN ('cpu', 'mem', 'disk', 'probe_ok', 'err_ratio') AND (value < 0 OR value > 1)")" 0
	# Six probes of "web" by HTTP each second, give or take what the machine is busy with.
	holds "load is the counter's rate" world_await 10 load_is_near
	holds "an endpoint that's away is told" grep -q "$dead_port/metrics: .*its metrics are missing" "$world/log/rem"
	same "and told once by each reading of the settings" "$(grep -c "$dead_port/metrics: .*its metrics are missing" "$world/log/rem")" 2
}

load_is_near() {
	[ "$(sql "SELECT count(*) FROM sample JOIN series ON series.id = sample.series WHERE name = 'rps' AND value BETWEEN 2 AND 20")" -gt 0 ]
}

one_spool() {
	local output
	output=$("$rem" -c "$world/rem.yaml" 2>&1)
	same "a second agent on the same spool doesn't start" $? 1
	holds "and says why" grep -q 'another isobar-rem uses this folder' <<<"$output"
}

ending() {
	world_stop rem TERM
	same "SIGTERM ends it cleanly" $? 0
	rm -f "$world/log/rem"
	world_start rem "$rem" -c "$world/rem.yaml"
	world_await 10 grep -q 'takes reports' "$world/log/rem"
	world_stop rem INT
	same "and so does SIGINT" $? 0
}

# ---- the token -------------------------------------------------------------------------------------------------------

token() {
	local before
	printf 'not-a-token\n' >"$world/token"
	chmod 644 "$world/token"
	settings 300ms "http://127.0.0.1:$api_port" "$world/token" >"$world/rem.yaml"
	world_start rem "$rem" -c "$world/rem.yaml"
	holds "a wrong token is told" world_await 10 grep -q 'refuses all reports: status 401' "$world/log/rem"
	holds "and that others can read it" grep -q 'can be read by others (mode 644)' "$world/log/rem"
	before=$(newest)
	(umask 077 && world_post /v1/tokens "{\"name\": \"agent\", \"scope\": \"agent:$region\"}" | jq -re .token >"$world/token.new")
	mv "$world/token.new" "$world/token"
	holds "the right one is found without a restart" world_await 20 newer_than "$before"
	same "nothing was set aside" "$(find "$world/spool/$region/refused" -type f)" ""
	world_stop rem
}

newest() {
	sql "SELECT coalesce(max(sequence), 0) FROM report WHERE agent = 'rem-1'"
}

newer_than() {	# SEQUENCE
	[ "$(newest)" -gt "$1" ]
}

# ---- kills -----------------------------------------------------------------------------------------------------------

spooled() {	# sequences in the spool, without leading zeros
	find "$world/spool/$region" -maxdepth 1 -name '*.json' -printf '%f\n' | sed 's/^0*//; s/\.json$//' | sort -n
}

spooled_at_least() {	# NUMBER
	[ "$(spooled | wc -l)" -ge "$1" ]
}

spool_is_empty() {
	[ -z "$(spooled)" ]
}

# isobard is killed, the agent is killed several times while its reports pile up, and then isobard is back.
kills() {
	local before waiting round missing=
	settings 100ms "unix:$api_socket" >"$world/rem.yaml"
	world_start rem "$rem" -c "$world/rem.yaml"
	before=$(newest)
	world_await 10 newer_than "$before"
	world_stop isobard KILL
	for round in 3 6 9 12; do
		world_await 20 spooled_at_least "$round"
		world_stop rem KILL
		world_start rem "$rem" -c "$world/rem.yaml"
	done
	world_await 20 spooled_at_least 15
	world_stop rem KILL
	waiting=$(spooled)
	holds "reports wait on disk while isobard is away" test "$(wc -l <<<"$waiting")" -ge 15
	same "a killed agent's reports are whole" "$(for sequence in $waiting; do
		jq -e ".sequence == $sequence" "$(printf '%s/spool/%s/%020d.json' "$world" "$region" "$sequence")" >/dev/null || echo "$sequence"
	done)" ""
	world_start rem "$rem" -c "$world/rem.yaml"
	world_isobard </dev/null
	holds "all are sent when it's back" world_await 30 spool_is_empty
	for sequence in $waiting; do
		[ "$(sql "SELECT count(*) FROM report WHERE agent = 'rem-1' AND sequence = $sequence")" = 1 ] || missing+="$sequence "
	done
	same "none is lost, none counted twice" "$missing" ""
	same "and they came in order" "$(sql "SELECT count(*) FROM
		(SELECT received_ms, lag(received_ms) OVER (ORDER BY sequence) AS former FROM report WHERE agent = 'rem-1')
		WHERE former > received_ms")" 0
	same "time and sequence rise together" "$(sql "SELECT count(*) FROM
		(SELECT time_ms, lag(time_ms) OVER (ORDER BY sequence) AS former FROM report WHERE agent = 'rem-1')
		WHERE former > time_ms")" 0
}

# isobard is killed again and again under reports: what was acknowledged stays, what wasn't comes again.
kills_of_isobard() {
	local round before
	for round in 1 2 3; do
		world_stop isobard KILL
		before=$(newest)
		world_isobard </dev/null
		world_await 20 newer_than "$before"
	done
	world_stop rem TERM
	world_start rem "$rem" -c "$world/rem.yaml"
	before=$(newest)
	world_await 20 newer_than "$before"
	holds "after each kill of isobard reports go on" world_await 20 spool_is_empty
	same "isobard refused none" "$(find "$world/spool/$region/refused" -type f)" ""
	same "the agent lives" "$(world_runs rem && echo yes)" yes
	world_stop rem
}

world_open
world_prepare
world_port && tls_port=$REPLY
world_port && dead_port=$REPLY
world_port && switched_port=$REPLY
options
certificate
# Not by `holds`, which runs what it's given in a subshell: its processes would be nobody's.
backends && switched_start && world_isobard </dev/null
same "the world runs" $? 0
probes
reload
metrics
latencies
held_up
one_spool
ending
token
kills
kills_of_isobard
finish
