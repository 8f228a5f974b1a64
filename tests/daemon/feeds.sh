#!/usr/bin/env bash
# What comes from outside: signals that are posted, feeds that isobar-pae pulls from a real web server (HAProxy), and
# series that a real Prometheus scraped of isobard, pulled back and compared with what Prometheus holds.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

main() {
	world_open
	world_prepare
	sed -i '/ probe: /d' "$world/zones/steering.yaml"	# no backends here
	web
	feeds
	holds "isobard gets ready" world_isobard
	holds "Prometheus starts" prometheus_start
	posted
	alerts
	troubles
	told
	prometheus_pulled
	outage
	stale
	broken_steering
	finish
}

ctl() {	# ARGUMENTS; sets status and said
	said=$(world_ctl "$@" 2>&1)
	status=$?
}

feed() {	# NAME JQ-FILTER
	world_get /v1/feeds | jq -r --arg f "$1" ".feeds[] | select(.feed == \$f) | $2"
}

feed_is() {	# NAME JQ-FILTER VALUE
	[ "$(feed "$1" "$2")" = "$3" ]
}

signals() {	# JQ-FILTER of one signal; the regions of those that it holds for
	world_get /v1/signals | jq -r "[.signals[] | select($1) | .region] | sort | join(\" \")"
}

signals_are() {	# JQ-FILTER REGIONS
	[ "$(signals "$1")" = "$2" ]
}

stored() {	# SQL
	sqlite3 -readonly "$world/isobar.db" "$1"
}

# ---- the world -------------------------------------------------------------------------------------------------------

web() {
	world_port && web_port=$REPLY
	world_port && tls_port=$REPLY
	mkdir "$world/served"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
		-keyout "$world/key" -out "$world/certificate" 2>/dev/null
	cat "$world/certificate" "$world/key" >"$world/pem"
	cat >"$world/haproxy.cfg" <<-END
		global
		    nbthread 1
		    maxconn 64
		    lua-load $ISOBAR_SOURCE/tests/daemon/files.lua
		defaults
		    mode http
		    timeout client 10s
		    timeout connect 2s
		    timeout server 10s
		frontend web
		    bind 127.0.0.1:$web_port
		    bind 127.0.0.1:$tls_port ssl crt $world/pem
		    http-request redirect location /alerts.json if { path /moved.json }
		    http-request redirect location file:///etc/hostname if { path /to-file.json }
		    http-request redirect location /round.json if { path /round.json }
		    http-request deny deny_status 401 if { path /secret.json } !{ req.hdr(authorization) "Bearer open-sesame" }
		    http-request deny deny_status 503 if { path /away.json }
		    http-request use-service lua.files
	END
	alerts_are "$(alert storm Alert Severe Likely)"
	published_are "$(published flood Alert Severe)"
	echo '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>u</id><link href="a.xml"/></entry></feed>' \
		>"$world/served/links.xml"
	printf '<alert>\n <info>\n</alert>' >"$world/served/broken.xml"
	echo '{"status": {"indicator": "major"}}' >"$world/served/state.json"
	echo '{"status": {"indicator": "none"}}' >"$world/served/secret.json"
	echo '{"items": [{"where": "Dublin", "level": 0.4}, {"where": "Virginia", "level": "bad"}, {"where": "Mars", "level": 1}]}' \
		>"$world/served/list.json"
	printf '{"items": [' >"$world/served/broken.json"
	echo '{"items": 7}' >"$world/served/mapless.json"
	(umask 077 && echo open-sesame >"$world/secret")
	SERVED=$world/served world_start haproxy haproxy -db -f "$world/haproxy.cfg"
	world_await 10 curl -sf --max-time 1 "http://127.0.0.1:$web_port/state.json"
}

# An alert around Dublin, in force for the next hour.
alert() {	# ID TYPE SEVERITY CERTAINTY [REFERENCED [STATUS]]
	jq -cn --arg id "$1" --arg type "$2" --arg severity "$3" --arg certainty "$4" --arg old "${5-}" \
		--arg status "${6-Actual}" '{
		type: "Feature", id: "https://example/\($id)",
		geometry: {type: "Polygon", coordinates: [[[-7, 53], [-6, 53], [-6, 54], [-7, 54], [-7, 53]]]},
		properties: {id: $id, status: $status, messageType: $type, severity: $severity, certainty: $certainty,
			urgency: "Expected", event: "Storm", headline: "Storm over Dublin",
			onset: (now - 600 | todate), expires: (now + 3600 | todate),
			references: (if $old == "" then [] else [{identifier: $old}] end)}}'
}

alerts_are() {	# FEATURES...; written as a whole
	printf '%s\n' "$@" | jq -s '{type: "FeatureCollection", features: .}' >"$world/served/new"
	mv "$world/served/new" "$world/served/alerts.json"
}

# The same as CAP is published.
published() {	# ID TYPE SEVERITY [REFERENCED [STATUS]]
	cat <<-END
		<cap:alert><cap:identifier>$1</cap:identifier><cap:sender>w@example</cap:sender>
		<cap:sent>$(date -u +%FT%T-00:00)</cap:sent><cap:status>${5-Actual}</cap:status><cap:msgType>$2</cap:msgType>
		<cap:references>${4:+w@example,$4,2026-01-01T00:00:00-00:00}</cap:references>
		<cap:info><cap:event>Flood</cap:event><cap:urgency>Expected</cap:urgency><cap:severity>$3</cap:severity>
		<cap:certainty>Likely</cap:certainty><cap:expires>$(date -u -d '+1 hour' +%FT%T-00:00)</cap:expires>
		<cap:area><cap:areaDesc>Dublin</cap:areaDesc><cap:polygon>53,-7 53,-6 54,-6 54,-7 53,-7</cap:polygon></cap:area>
		</cap:info></cap:alert>
	END
}

published_are() {	# ALERTS...; an index of Atom, written as a whole
	{
		echo '<?xml version="1.0" encoding="UTF-8"?>'
		echo '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2">'
		[ $# = 0 ] || printf '<entry><id>u</id><content type="application/cap+xml">%s</content></entry>\n' "$@"
		echo '</feed>'
	} >"$world/served/new"
	mv "$world/served/new" "$world/served/published.xml"
}

feeds() {
	local web=http://127.0.0.1:$web_port
	world_port && prometheus_port=$REPLY
	cat >>"$world/zones/steering.yaml" <<-END
		feeds:
		  weather: {kind: geojson, url: "$web/alerts.json", interval: 1s, stale-after: 4s}
		  published: {kind: cap-xml, url: "$web/published.xml", interval: 1s}
		  links: {kind: cap-xml, url: "$web/links.xml", interval: 1s}
		  broken-xml: {kind: cap-xml, url: "$web/broken.xml", interval: 1s}
		  moved: {kind: geojson, url: "$web/moved.json", interval: 1s, signal: moved}
		  state:
		    {kind: json, url: "$web/state.json", interval: 1s, regions: [us-east], map: {severity: /status/indicator},
		     words: {none: {means: 0}, major: {means: 0.8}}}
		  list:
		    kind: json
		    url: $web/list.json
		    interval: 1s
		    items: /items
		    map: {region: /where, severity: /level}
		    regions: {eu-west: {called: [Dublin]}, us-east: {called: [Virginia]}}
		  secret: {kind: json, url: "$web/secret.json", interval: 1s, token-file: $world/secret, regions: [ap-south],
		           map: {severity: /status/indicator}, words: {none: {means: 0}}}
		  tls: {kind: geojson, url: "https://localhost:$tls_port/alerts.json", interval: 1s, ca-file: $world/certificate}
		  untrusted: {kind: geojson, url: "https://localhost:$tls_port/alerts.json", interval: 1s}
		  slow: {kind: geojson, url: "$web/slow.json", interval: 1s, timeout: 300ms}
		  endless: {kind: geojson, url: "$web/endless.json", interval: 1s, size-max: 1M}
		  broken: {kind: geojson, url: "$web/broken.json", interval: 1s}
		  mapless: {kind: json, url: "$web/mapless.json", interval: 1s, items: /items, map: {severity: /x}}
		  away: {kind: geojson, url: "$web/away.json", interval: 1s}
		  to-file: {kind: geojson, url: "$web/to-file.json", interval: 1s}
		  round: {kind: geojson, url: "$web/round.json", interval: 1s}
		  nobody: {kind: geojson, url: "http://127.0.0.1:1/", interval: 1s}
		  prometheus:
		    kind: prometheus
		    url: http://127.0.0.1:$prometheus_port
		    interval: 1s
		    step: 1s
		    delay: 2s
		    history: 2m
		    regions: [eu-west, us-east]
		    series:
		      queries: {query: 'isobar_queries_total{transport="udp"}', unit: "1"}
		      up: {query: up}
		  ambiguous:
		    {kind: prometheus, url: "http://127.0.0.1:$prometheus_port", interval: 1s, step: 1s, delay: 1s,
		     series: {x: {query: isobar_queries_total}}}
		  nonsense:
		    {kind: prometheus, url: "http://127.0.0.1:$prometheus_port", interval: 1s, series: {x: {query: "rate("}}}
	END
}

# It scrapes isobard once as eu-west, and a target that isn't there as us-east.
prometheus_start() {
	(umask 077 && world_post /v1/tokens '{"name": "prometheus", "scope": "read"}' | jq -re .token >"$world/token") || return 1
	cat >"$world/prometheus.yml" <<-END
		global: {scrape_interval: 1s, scrape_timeout: 1s}
		scrape_configs:
		  - job_name: isobard
		    authorization: {credentials_file: $world/token}
		    static_configs:
		      - {targets: ["127.0.0.1:$api_port"], labels: {region: eu-west}}
		      - {targets: ["127.0.0.1:1"], labels: {region: us-east}}
	END
	prometheus_run
}

prometheus_run() {
	world_start prometheus prometheus --config.file="$world/prometheus.yml" --storage.tsdb.path="$world/tsdb" \
		--web.listen-address="127.0.0.1:$prometheus_port" --log.level=warn
	world_await 30 curl -sf --max-time 2 "http://127.0.0.1:$prometheus_port/-/ready"
}

# ---- signals that are posted -----------------------------------------------------------------------------------------

posted() {
	local until
	until=$(date -u -d '+1 hour' +%FT%TZ)
	ctl signals post maintenance us-east 0.6 --for 1h --reason "power works"
	same "a signal is posted" "$status" 0
	same "it's there, with its product" "$(world_get /v1/signals | jq -c '.signals[] | select(.name == "maintenance") |
		[.region, .severity, .certainty, .value, .text, .in_force, .stale]')" '["us-east",0.6,1,0.6,"power works",true,false]'
	ctl signals post maintenance us-east Severe Possible --for 1h
	same "again, in words, it replaces that" "$(world_get /v1/signals | jq -c '[.signals[] | select(.name == "maintenance") |
		[.severity, .certainty]]')" '[[0.75,0.35]]'
	holds "it's listed" grep -q "maintenance.*us-east.*in force" <<<"$(world_ctl signals list)"
	world_post /v1/signals "{\"name\": \"flood\", \"severity\": 1, \"expires\": \"$until\", \"area\": {\"type\": \"Polygon\",
		\"coordinates\": [[[-10, 50], [-5, 50], [-5, 55], [-10, 55], [-10, 50]]]}}" >/dev/null
	same "an area finds its regions" "$(signals '.name == "flood"')" eu-west
	ctl signals end "$(world_get /v1/signals | jq '.signals[] | select(.name == "flood") | .signal')"
	same "it's ended by hand" "$status $(signals '.name == "flood"')" "0 "
	ctl signals end 4711
	same "what isn't there can't end" "$status" 1
	refused "a region that isn't there" '"region": "mars", "severity": 1' "/region"
	refused "no place" '"severity": 1' "'area'"
	refused "a severity above 1" '"region": "eu-west", "severity": 2' "/severity"
	refused "a word that is none" '"region": "eu-west", "severity": "Awful"' "no word of CAP"
	refused "a pulled source" '"region": "eu-west", "severity": 1, "source": "feed:x"' "/source"
	refused "an area that is none" '"severity": 1, "area": {"type": "Polygon", "coordinates": [[[1, 2]]]}' "/area/coordinates/0"
	refused "an expiry that is over" '"region": "eu-west", "severity": 1, "expires": "2020-01-01T00:00:00Z"' "/expires"
}

refused() {	# NAME MEMBERS TEXT
	local body="{\"name\": \"x\", $2"
	[[ $2 = *expires* ]] || body+=", \"expires\": \"$(date -u -d '+1 hour' +%FT%TZ)\""
	said=$(curl -s --max-time 5 --unix-socket "$api_socket" -H 'Content-Type: application/json' -d "$body}" \
		-w '%{http_code}' http://isobard/v1/signals)
	holds "refused: $1" grep -qF "$3" <<<"$(grep '400$' <<<"$said")"
}

# ---- alerts ----------------------------------------------------------------------------------------------------------

alerts() {
	holds "an alert comes by its feed" world_await 15 signals_are '.source == "feed:weather"' eu-west
	same "with severity and certainty" "$(world_get /v1/signals | jq -c '.signals[] | select(.source == "feed:weather") |
		[.id, .severity, .certainty, .text]')" '["storm",0.75,0.75,"Storm over Dublin"]'
	same "the feed is good" "$(feed weather '"\(.state) \(.items) \(.left_out) \(.error)"')" "good 1 0 null"
	alerts_are "$(alert storm Alert Severe Likely)" "$(alert storm-2 Update Extreme Observed storm)"
	holds "an update takes its place" world_await 10 signals_are '.source == "feed:weather" and .id == "storm-2"' eu-west
	same "and nothing else is in force" "$(signals '.source == "feed:weather"')" eu-west
	alerts_are "$(alert storm-2 Update Extreme Observed storm)" "$(alert exercise Cancel Minor Unlikely storm-2 Exercise)" \
		"$(alert test Alert Extreme Observed "" Test)"
	world_await 10 feed_is weather .items 3
	same "an exercise takes nothing back, a test is none" "$(signals '.source == "feed:weather" and .id == "storm-2"') $(
		signals '.source == "feed:weather"')" "eu-west eu-west"
	alerts_are "$(alert storm-2 Update Extreme Observed storm)" "$(alert over Cancel Minor Unlikely storm-2)"
	holds "a cancellation does" world_await 10 signals_are '.source == "feed:weather"' ""
	alerts_are "$(alert again Alert Minor Possible)"
	holds "another one comes" world_await 10 signals_are '.source == "feed:weather"' eu-west
	alerts_are
	holds "what isn't listed any more has ended" world_await 10 signals_are '.source == "feed:weather"' ""
	alerts_are "$(alert again Alert Minor Possible)"
	holds "XML: an alert comes by its index" world_await 10 signals_are '.source == "feed:published" and .severity == 0.75' eu-west
	published_are "$(published flood Alert Severe)" "$(published flood-2 Update Minor flood)" \
		"$(published drill Cancel Minor flood-2 Exercise)"
	holds "XML: an update takes its place" world_await 10 feed_is published .items 3
	same "XML: and an exercise takes nothing back" "$(world_get /v1/signals |
		jq -c '[.signals[] | select(.source == "feed:published") | [.id, .region, .severity, .text]]')" \
		'[["flood-2","eu-west",0.25,"Flood"]]'
	published_are "$(published flood-2 Update Minor flood)" "$(published over Cancel Minor flood-2)"
	holds "XML: a cancellation does" world_await 10 signals_are '.source == "feed:published"' ""
}

# ---- feeds that fail -------------------------------------------------------------------------------------------------

troubles() {
	holds "a redirect is followed" world_await 10 feed_is moved .state good
	holds "a state is mapped by words" world_await 10 signals_are '.source == "feed:state" and .severity == 0.8' us-east
	holds "a list by the names of the feed" world_await 10 signals_are '.source == "feed:list" and .severity == 0.4' eu-west
	same "what can't be read is known to be there" "$(signals '.source == "feed:list" and .severity == null')" us-east
	same "and said, by its pointer" "$(feed list '"\(.left_out) \(.notes[0].pointer)"')" "1 /items/1/level"
	holds "a token goes along" world_await 10 feed_is secret .state good
	holds "a certificate is verified" world_await 10 feed_is tls .state good
	fails untrusted certificate
	fails slow "timed out"
	fails endless "longer than 1048576 octets"
	fails broken "JSON ends too early"
	fails broken-xml "line 3, column 3: mismatched tag"
	fails links "links aren't followed"
	fails mapless "/items"
	fails away "HTTP status 503"
	fails to-file "file"
	fails round "redirects"
	fails nobody "connect"
	fails ambiguous "aggregate, as in sum by (region)"
	fails nonsense "HTTP status 400: "
	ctl feeds
	holds "isobarctl says so" grep -q "^broken: line 1" <<<"$said"
	holds "and which are good" grep -Eq '^weather +geojson +good' <<<"$said"
	ctl_metrics=$(curl -s --max-time 5 --unix-socket "$api_socket" http://isobard/metrics)
	holds "metrics have them" grep -q '^isobar_feed_fresh{feed="weather"} 1' <<<"$ctl_metrics"
	holds "and their failures" grep -Eq '^isobar_feed_failures_total\{feed="slow"\} [1-9]' <<<"$ctl_metrics"
	out=$(promtool check metrics <<<"$ctl_metrics" 2>&1)
	same "promtool finds nothing" "$out" ""
	same "rounds went on" "$(world_get /v1/regions | jq -r '[.regions[].predicted] | max |
		sub("\\.[0-9]+Z$"; "Z") | (now - fromdate) < 12')" true
}

fails() {	# FEED WORDS
	holds "$1: it says why" world_await 15 said_by "$1" "$2"
}

said_by() {	# FEED WORDS
	feed "$1" .error | grep -qF "$2"
}

# ---- what models see -------------------------------------------------------------------------------------------------

last() {	# REGION METRIC: of the last minute
	stored "SELECT value FROM sample JOIN series ON series.id = series WHERE region = '$1' AND name = '$2'
		AND at_ms > 1000 * (unixepoch() - 60) ORDER BY at_ms DESC LIMIT 1"
}

last_is() {	# REGION METRIC VALUE
	[ "$(last "$1" "$2")" = "$3" ]
}

told() {
	holds "a signal in force is a metric of its region" world_await 15 last_is us-east signal:state 0.8
	same "with its age" "$(last us-east signal:state:age | awk '{ print ($1 > 0 && $1 < 300) }')" 1
	holds "where nothing is in force it's 0" world_await 15 last_is us-east signal:weather 0.0
	holds "and in force it's severity x certainty" world_await 15 last_is eu-west signal:weather 0.0875
	same "of what couldn't be read nothing is said" "$(last us-east signal:list)" ""
	same "nor by a feed that never succeeded" "$(last us-east signal:broken)" ""
	same "nor of regions that a feed doesn't speak of" "$(last eu-west signal:state)" ""
}

# ---- Prometheus ------------------------------------------------------------------------------------------------------

# What is stored of a metric in [FROM, TO] seconds, as "milliseconds value".
rows() {	# REGION METRIC FROM TO
	stored "SELECT at_ms || ' ' || printf('%.15g', value) FROM sample JOIN series ON series.id = series WHERE region = '$1'
		AND name = '$2' AND at_ms BETWEEN $3 * 1000 AND $4 * 1000 ORDER BY at_ms"
}

# The same as Prometheus has it.
scraped() {	# QUERY FROM TO
	curl -sf --max-time 5 -G "http://127.0.0.1:$prometheus_port/api/v1/query_range" --data-urlencode "query=$1" \
		-d "start=$2&end=$3&step=1" | jq -r '.data.result[0].values[] | "\(.[0] * 1000) \(.[1])"'
}

until_s() {
	feed prometheus '(.until // "1970-01-01T00:00:00Z") | sub("\\.[0-9]+Z$"; "Z") | fromdate'
}

pulled_past() {	# SECONDS
	[ "$(until_s)" -ge "$1" ]
}

prometheus_pulled() {
	from=$(date +%s)
	for _ in $(seq 20); do world_dig "www.gtm.example.com" A >/dev/null; done
	holds "series are pulled" world_await 30 pulled_past $((from + 5))
	to=$(until_s)
	same "what is stored is what was scraped" "$(rows eu-west queries "$from" "$to")" \
		"$(scraped 'isobar_queries_total{transport="udp"}' "$from" "$to")"
	same "without doubles" "$(rows eu-west queries "$from" "$to" | cut -d' ' -f1 | sort | uniq -d)" ""
	same "without gaps" "$(rows eu-west queries "$from" "$to" | wc -l)" \
		"$(scraped 'isobar_queries_total{transport="udp"}' "$from" "$to" | wc -l)"
	holds "and it has moved" test "$(rows eu-west queries "$from" "$to" | cut -d' ' -f2 | sort -u | wc -l)" -gt 1
	same "each region has its own" "$(rows us-east up "$from" "$to" | cut -d' ' -f2 | sort -u)" 0
	same "raw samples of Prometheus say the same" \
		"$(curl -sf --max-time 5 -G "http://127.0.0.1:$prometheus_port/api/v1/query" -d "time=$to" \
			--data-urlencode 'query=isobar_queries_total{transport="udp"}' | jq -r '.data.result[0].value[1]')" \
		"$(rows eu-west queries "$to" "$to" | cut -d' ' -f2)"
}

# The engine is away for a while, and so is isobard: Prometheus isn't scraped then, but what it knows is fetched.
outage() {
	local last gap
	last=$(until_s)
	kill -KILL "$(pgrep -P "${world_pids[isobard]}" -f isobar-pae)"
	sleep 4	# scraped, and not pulled: that is what there's to catch up on
	gap=$(date +%s)
	holds "after an outage it's pulled again" world_await 40 pulled_past "$gap"
	to=$(until_s)
	same "the gap is filled" "$(rows eu-west queries "$last" "$to")" \
		"$(scraped 'isobar_queries_total{transport="udp"}' "$last" "$to")"
	world_stop prometheus
	holds "without Prometheus the feed fails" world_await 15 said_by prometheus connect
	holds "it comes back" prometheus_run
	holds "and so does the feed" world_await 30 feed_is prometheus .state good
	same "each time is there once" "$(stored "SELECT count(*) - count(DISTINCT at_ms)
		FROM sample JOIN series ON series.id = series
		WHERE region = 'eu-west' AND name = 'queries'")" 0
}

# ---- age -------------------------------------------------------------------------------------------------------------

stale() {
	local since
	world_stop haproxy
	holds "a feed that is gone for long is stale" world_await 20 feed_is weather .state stale
	same "its signals too" \
		"$(world_get /v1/signals | jq '[.signals[] | select(.source == "feed:weather") | .stale] | unique' -c)" '[true]'
	since=$(date +%s%3N)
	# The next minute's numbers: what was posted is in them, the stale feed isn't.
	holds "what was posted is still told" world_await 75 told_since us-east signal:maintenance "$since"
	same "of a stale feed nothing is" "$(stored "SELECT count(*) FROM sample JOIN series ON series.id = series
		WHERE name IN ('signal:weather', 'signal:weather:ahead') AND at_ms > $since")" 0
	same "metrics say that it's stale" "$(curl -s --max-time 5 --unix-socket "$api_socket" http://isobard/metrics |
		grep '^isobar_feed_fresh{feed="weather"}')" 'isobar_feed_fresh{feed="weather"} 0'
}

told_since() {	# REGION METRIC MILLISECONDS
	[ "$(stored "SELECT count(*) FROM sample JOIN series ON series.id = series WHERE region = '$1' AND name = '$2'
		AND at_ms > $3")" -gt 0 ]
}

# ---- steering.yaml ---------------------------------------------------------------------------------------------------

broken_steering() {
	mkdir "$world/wrong"
	cp "$world"/zones/*.zone "$world/wrong"
	sed '/^feeds:/,$d' "$world/zones/steering.yaml" >"$world/wrong/steering.yaml"
	echo 'feeds: {x: {kind: json, url: "file:///etc/passwd", map: {severity: /a}}}' >>"$world/wrong/steering.yaml"
	ctl apply "$world/wrong"
	holds "another scheme is refused" grep -q "isn't an URL" <<<"$said"
}

main
