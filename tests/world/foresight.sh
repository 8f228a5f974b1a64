#!/usr/bin/env bash
# tests/world/foresight.sh -- one of three regions leaks memory, becomes slow, and dies: what do clients get, once with
# predictions and once without, in two worlds at the same time with the same clients?
# Memory really fills up, requests really wait and fail; the agent reports what the application says, the shipped model
# forecasts, the plan moves clients, the process ends, health checks find it dead, and it comes back. Of the application's
# numbers, cpu, disk and dep_ms are the scenario's, and the quantiles of latency are those that each request's time is
# drawn by. Time is compressed: a minute of the world lasts three seconds. All intervals and the times that requests take
# are a twentieth, by settings, and the wall clock of the daemons is twenty times as fast, by tests/tools/hasten.c. What
# was before comes from the application's own history, in reports with older times.
# Without predictions: an empty folder of models, so that there is none to forecast by; all else is the same.
# In: foresight.sh [SEED...], or in FORESIGHT_SEEDS; FORESIGHT_OUT: a folder for foresight.json and foresight.svg.
# Out: cases, and a table by seed: what clients counted; with predictions also the highest probability while the region was
# well, its share when it died, its weight, the minutes from the first fifth of its share gone to its death, how much share
# was moved for how many minutes, and the least part of theirs that the others had. Every fourth seed's leak ends well.
# shellcheck disable=SC2317 # functions are called by name
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
export FORESIGHT_SEEDS=${*:-${FORESIGHT_SEEDS-2}} FORESIGHT_OUT=${FORESIGHT_OUT-}
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"
. "$ISOBAR_SOURCE/tests/world/peers.sh"

if grep -qsE -- '--enable-(asan|tsan)|--with-asan' "$ISOBAR_BUILD/config.log"; then
	echo "skipped: it runs against the clock, which a sanitizer stretches"
	exit 77
fi
peers_need_port_53=no
peers_enter "$0" haproxy dig curl jq

name=www.gtm.example.com
times=20		# seconds of the world in one of ours
rate=45			# requests/s of all clients
ttl=3
slow_ms=50		# a second of the world
load_seconds=7		# more than loading the history takes
# Of a seed, see scenario(); minutes are the world's.
leaking='' leak_from='' leak_end='' leak_peak='' outage='' noise=''
declare -A weight=([eu-west]=4 [us-east]=3 [ap-south]=3)

main() {
	local seed
	results=$(mktemp -d "${TMPDIR:-/tmp}/isobar-foresight.XXXXXX") || exit 1
	trap stop_worlds EXIT
	trap 'exit 130' INT TERM
	for seed in $FORESIGHT_SEEDS; do
		both "$seed"
	done
	report
	conditions
	[ -z "$FORESIGHT_OUT" ] || keep
	finish
}

stop_worlds() {
	local status=$?
	trap - EXIT
	for pid in ${worlds-}; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$results"
	exit "$status"
}

# ---- one seed --------------------------------------------------------------------------------------------------------

# What happens, by seed: which region leaks, since when, until when, how far, and how long it's away. Minutes of the world.
scenario() {	# SEED
	awk -v seed="$1" -v regions="${world_regions[*]}" 'BEGIN {
		srand(seed)
		rand()
		split(regions, region, " ")
		who = region[1 + int(rand() * 3)]
		leaks = 25 + rand() * 45
		end = 11 + rand() * 7
		peak = seed % 4 == 0 ? 0.86 + rand() * 0.11 : 1
		printf "leaking=%s leak_from=%.2f leak_end=%.2f leak_peak=%.3f outage=%.2f noise=%d\n", who, end - leaks, end, peak,
			3 + rand() * 2, 1 + rand() * 1000
	}'
}

both() {	# SEED
	local what pid failed=
	eval "$(scenario "$1")"
	worlds=
	for what in with without; do
		one_world "$1" "$what" >"$results/log-$1-$what" 2>&1 &
		worlds="$worlds $!"
	done
	for pid in $worlds; do
		wait "$pid" || failed=yes
	done
	worlds=
	if [ -n "$failed" ]; then
		not_ok "seed $1: both worlds run to their end" "$(tail -n 40 "$results/log-$1-"*)"
		finish
	fi
	summary "$1" >"$results/$(printf %03d "$1").run"
	[ -z "$FORESIGHT_OUT" ] || jq -c . "$results/$(printf %03d "$1").run"
}

# A world of its own: a folder, ports, daemons. What came of it is in $results/SEED-WHAT.*.
one_world() {	# SEED WHAT
	local seed=$1 what=$2 region out=$results/$1-$2
	world_open
	world_port && dns_port=$REPLY
	world_port && api_port=$REPLY
	world_port && backend_port=$REPLY
	world_port && metrics_port=$REPLY
	world_port && health_port=$REPLY
	api_socket=$world/isobar.sock
	mkdir "$world/zones" "$world/no-models"
	zone >"$world/zones/gtm.example.com.zone"
	steering >"$world/zones/steering.yaml"
	begin=$(($(date +%s) + load_seconds))
	for region in "${world_regions[@]}"; do
		backend "$region" || die "the backend of $region doesn't answer"
	done
	load_history
	hastened
	# shellcheck disable=SC2034 # it's for world_isobard
	[ "$what" = with ] || world_models=$world/no-models
	world_isobard || die "isobard isn't ready"
	for region in "${world_regions[@]}"; do
		agent "$region" || die "the agent of $region doesn't start"
	done
	for region in "${world_regions[@]}"; do
		world_await 10 world_region_is "$region" up || die "$region isn't up"
	done
	world_start browsers "$ISOBAR_BUILD/tests/tools/browsers" -t 600 -s "$seed" -l $slow_ms 127.0.0.1 "$dns_port" $name \
		"$backend_port" "10.1:150:$rate"
	echo "live since minute $(minute)"
	watch >"$out.states"
	world_get /v1/predictions | jq -r '[.predictions[].model | select(. != "" and . != null)] | last // "none"' >"$out.model"
	world_stop browsers
	sed "s/^/$begin /" "$world/log/browsers" >"$out.requests"
	grep '^died' "$world/log/backend-$leaking" >"$out.died"
	tail -n 5 "$world"/log/*
}

die() {	# WHY
	echo "$1"
	tail -n 20 "$world"/log/*
	exit 1
}

zone() {
	local region
	# shellcheck disable=SC2016 # $ORIGIN is for the zone
	printf '$ORIGIN gtm.example.com.\n$TTL %d\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 127.0.0.1\n' $ttl
	for region in "${world_regions[@]}"; do
		printf '%s._region.www IN A %s\n' "$region" "${world_address[$region]}"
	done
}

steering() {
	cat <<-END
		health-check-interval: 1s
		pae-update-interval: 1s
		recovery: {hold-down: 1s, steps: [0.5], step-time: 2s}
		regions:
		  eu-west: {location: {country: IE, latitude: 53.3, longitude: -6.3}, capacity: 100}
		  us-east: {location: {country: US, latitude: 38.9, longitude: -77.5}, capacity: 100}
		  ap-south: {location: {country: IN, latitude: 19.1, longitude: 72.9}, capacity: 100}
		services:
		  $name:
		    sharding-policy: predictive
		    regions: {eu-west: {weight: ${weight[eu-west]}}, us-east: {weight: ${weight[us-east]}}, ap-south: {weight: ${weight[ap-south]}}}
		    ttl: {max: ${ttl}s, min: 1s}
	END
}

# It starts again some time after it died, without what leaked.
backend() {	# REGION
	local region=$1 address=${world_address[$1]} from='' end=''
	[ "$region" != "$leaking" ] || from=$leak_from end=$leak_end
	cat >"$world/haproxy-$region.cfg" <<-END
		global
		    nbthread 1
		    maxconn 256
		    lua-load $ISOBAR_SOURCE/tests/world/leak.lua
		defaults
		    mode http
		    timeout client 10s
		    timeout connect 2s
		    timeout server 10s
		frontend web
		    bind $address:$backend_port
		    http-request use-service lua.page
		frontend health
		    bind $address:$health_port
		    http-request use-service lua.page
		frontend metrics
		    bind $address:$metrics_port
		    http-request use-service lua.app if { path /app }
		    http-request use-service lua.history if { path /history }
		    http-request use-service prometheus-exporter
	END
	world_start "backend-$region" supervise "$region" "$from" "$end"
	world_await 10 curl -sf --max-time 1 "http://$address:$metrics_port/app"
}

supervise() {	# REGION FROM END
	local child
	trap 'kill "$child"; wait "$child"; exit 0' TERM
	export BEGIN=$begin TIMES=$times NOISE=$noise LEAK_PEAK=$leak_peak RPS LEAK_FROM=$2 LEAK_END=$3
	RPS=$(awk -v rate="$rate" -v weight="${weight[$1]}" 'BEGIN { print rate * weight / 10 }')
	haproxy -db -f "$world/haproxy-$1.cfg" &
	child=$!
	wait "$child"
	echo "died at minute $(minute)"
	sleep "$(awk -v minutes="$outage" -v times="$times" 'BEGIN { print minutes * 60 / times }')" &
	child=$!
	wait "$child"
	LEAK_FROM='' LEAK_END='' haproxy -db -f "$world/haproxy-$1.cfg" &
	child=$!
	wait "$child"
}

# By a daemon whose clock is ours, before the world's clock runs away from it.
load_history() {
	local region pid loading=()
	world_settings="pae: external"
	world_isobard || die "isobard doesn't answer"
	for region in "${world_regions[@]}"; do
		world_history "$region" &
		loading+=($!)
	done
	for pid in "${loading[@]}"; do
		wait "$pid" || die "a region's history isn't taken"
	done
	world_stop isobard || die "isobard doesn't end well"
	world_settings=
	echo "the history is there at minute $(minute)"
	until [ "$(date +%s)" -ge "$begin" ]; do
		sleep 0.05
	done
}

# From here on, daemons live in the world's time.
hastened() {
	world_under=(env "LD_PRELOAD=$ISOBAR_BUILD/tests/tools/hasten" "HASTEN_FROM=$begin" "HASTEN_TIMES=$times")
}

agent() {	# REGION
	local region=$1 address=${world_address[$1]}
	(umask 077 && world_post /v1/tokens "{\"name\": \"agent-$region\", \"scope\": \"agent:$region\"}" |
		jq -re .token >"$world/token-$region") || return 1
	cat >"$world/rem-$region.yaml" <<-END
		region: $region
		agent: rem-$region
		controller: http://127.0.0.1:$api_port
		token-file: $world/token-$region
		interval: 500ms
		spool: {path: $world/spool-$region}
		system: {metrics: false}
		metrics-endpoints:
		  - {url: "http://$address:$metrics_port/app"}
		load:
		  - {service: $name, url: "http://$address:$metrics_port/metrics",
		     metric: 'haproxy_frontend_http_requests_total{proxy="web"}'}
		backends:
		  - name: web
		    service: $name
		    address: $address@$health_port
		    probe: {kind: http, path: /, interval: 500ms, timeout: 450ms, rise: 2, fall: 2}
	END
	world_start "agent-$region" "${world_under[@]}" "$ISOBAR_BUILD/rem-agent/isobar-rem" -c "$world/rem-$region.yaml"
}

minute() {	# of the world
	awk -v now="$(date +%s.%N)" -v begin="$begin" -v times="$times" 'BEGIN { printf "%.2f\n", (now - begin) * times / 60 }'
}

# "MINUTE REGION STATE PROBABILITY SHARE NOW" of each region, until the one that leaked is two minutes back.
watch() {
	local end
	end=$(awk -v a="$leak_end" -v b="$outage" 'BEGIN { print a + b + 2 }')
	while awk -v now="$(minute)" -v end="$end" 'BEGIN { exit !(now < end) }'; do
		{ world_get /v1/regions; world_get "/v1/services/$name."; } | jq -rs --arg minute "$(minute)" '
			. as [$regions, $service] | $service.regions[] | . as $share |
			($regions.regions[] | select(.region == $share.region)) as $region |
			[$minute, .region, $region.state, $region.probability // "none", .share // 0, .now // 0] | join(" ")'
		sleep 0.4
	done
}

# ---- what came of it -------------------------------------------------------------------------------------------------

# One run as JSON, for each world: what its clients counted, and what became of the region's share and of the others'.
summary() {	# SEED
	local what
	for what in with without; do
		awk -v what=$what -v leaking="$leaking" -v end="$leak_end" -v weights="${weight[*]@K}" '
			BEGIN {
				split(weights, word, /[ "]+/)
				for (i = 1; i in word && word[i] != ""; i += 2)
					weight[word[i]] = word[i + 1] / 10
				lowest = before = weight[leaking]
				others = 1
			}
			FILENAME ~ /requests$/ && $2 == "total" { sent = $3; failed = $4; slow = $5 }
			FILENAME ~ /died$/ { died = $NF }
			FILENAME ~ /states$/ {
				if ($2 == leaking && $1 < (died == "" ? end : died) && $3 == "up") {
					before = $6
					lowest = $5 < lowest ? $5 : lowest
					if ($4 != "none" && $4 > likely)
						likely = $4
					if (lead == "" && $5 < weight[leaking] * 0.8)
						lead = (died == "" ? end : died) - $1
					if (last != "")
						moved += (weight[leaking] - $6) * ($1 - last)
					last = $1
				} else if ($2 != leaking && $3 == "up" && $6 / weight[$2] < others) {
					others = $6 / weight[$2]
				}
			}
			END {
				printf "{\"%s\": {\"requests\": %d, \"failed\": %d, \"slow\": %d, \"died_at\": %s, ", what, sent, failed, slow,
					(died == "" ? "null" : died)
				printf "\"probability\": %.3f, \"share_before\": %.4f, \"lowest_share\": %.4f, \"weight\": %.2f, ", likely, before,
					lowest, weight[leaking]
				printf "\"lead_min\": %s, \"moved_share_minutes\": %.2f, \"others_least\": %.2f}}\n",
					(lead == "" ? "null" : sprintf("%.1f", lead)), (moved < 0.005 ? 0 : moved), others
			}' "$results/$1-$what.died" "$results/$1-$what.requests" "$results/$1-$what.states"
	done | jq -cs --argjson seed "$1" --arg region "$leaking" --argjson from "$leak_from" --argjson full "$leak_end" \
		--argjson peak "$leak_peak" --argjson outage "$outage" '
		{seed: $seed, region: $region, ends: (if $peak < 1 then "well" else "failure" end), leak_from_min: $from, leak_end_min: $full,
			peak: $peak, outage_min: $outage} + .[0] + .[1]'
}

report() {
	jq -s --argjson times $times --arg model "$(sort -u "$results"/*-with.model | paste -s -d " ")" '
		def ratio: if .requests > 0 then .failed / .requests * 10000 | round / 10000 else null end;
		def sum(world): (map(world) | {requests: (map(.requests) | add), failed: (map(.failed) | add), slow: (map(.slow) | add),
			moved_share_minutes: (map(.moved_share_minutes) | add * 100 | round / 100)}) | . + {failed_ratio: ratio};
		{times: $times, model: $model, runs: ., sums: (group_by(.ends) | map({key: .[0].ends, value: {runs: length,
			foreseen: (map(select(.with.lead_min != null)) | length), with: sum(.with), without: sum(.without)}}) | from_entries)}
		' "$results"/*.run >"$results/foresight.json"
	jq -r '
		def row: map(tostring) | join("\t");
		(["seed", "region", "ends", "requests", "failed", "slow", "requests", "failed", "slow", "p", "share", "weight", "lead", "moved", "others"] | row),
		(.runs[] | [.seed, .region, .ends, .without.requests, .without.failed, .without.slow, .with.requests, .with.failed,
			.with.slow, .with.probability, .with.share_before, .with.weight, .with.lead_min // "-", .with.moved_share_minutes, .with.others_least] | row),
		(.sums | to_entries[] | ["sum", "(\(.value.foreseen)/\(.value.runs))", .key] + (.value | [.without.requests, .without.failed,
			.without.slow, .with.requests, .with.failed, .with.slow, "", "", "", "", .with.moved_share_minutes]) | row)' \
		"$results/foresight.json" | awk -F '\t' '
		BEGIN { printf "%28s%-27s%-26s\n", "", "without predictions", "with predictions" }
		{ printf "%-4s %-10s %-8s %8s %8s %8s %8s %8s %8s %6s %7s %6s %6s %6s %6s\n", $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15 }'
}

# Of one seed, that it's foreseen; of many, that it's worth it in sum. None may fall below what keeps it measurable.
conditions() {
	local json=$results/foresight.json
	holds "the region dies in both worlds when its memory is full" jq -e 'all(.runs[];
		(.ends == "well") == (.with.died_at == null) and (.ends == "well") == (.without.died_at == null))' "$json"
	holds "without predictions it keeps its share until it dies" jq -e 'all(.runs[];
		.without.lowest_share > .without.weight * 0.95)' "$json"
	holds "with predictions it never has less than a twentieth of its share" jq -e 'all(.runs[];
		.with.lowest_share >= .with.weight * 0.05 * 0.95)' "$json"
	holds "with predictions a smaller part of the requests fail" jq -e '.sums.failure |
		.with.failed_ratio < .without.failed_ratio' "$json"
	[ "$(jq '.runs | length' "$json")" = 1 ] || return
	holds "with predictions it has lost clients before it dies" jq -e '.runs[0].with | .share_before < .weight * 0.8' "$json"
}

keep() {
	jq . "$results/foresight.json" >"$FORESIGHT_OUT/foresight.json"
	draw >"$FORESIGHT_OUT/foresight.svg"
	echo "figures are in $FORESIGHT_OUT/foresight.json, a plot in $FORESIGHT_OUT/foresight.svg"
}

# The first run that ends in a failure, both worlds: the region's share of the clients and what fails, by minute.
draw() {
	local seed what top=0
	seed=$(jq '[.runs[] | select(.ends == "failure").seed][0]' "$results/foresight.json")
	eval "$(scenario "$seed")"
	printf '<svg xmlns="http://www.w3.org/2000/svg" width="760" height="520" font-family="sans-serif" font-size="12">\n'
	printf '<rect width="760" height="520" fill="white"/>\n'
	for what in without with; do
		awk -v what=$what -v leaking="$leaking" -v top=$top -v times="$times" '
			function x(minute) { return 50 + minute * 27 }
			function y(share) { return top + 225 - share * 400 }
			FILENAME ~ /died$/ { died = $NF; next }
			FILENAME ~ /requests$/ {
				if ($2 != "total")
					failed[int(($2 - $1) * times / 60)] += $5
				next
			}
			$2 == leaking {
				line = line sprintf(" %.1f,%.1f", x($1), y($6))
				if ($4 != "none")
					chance = chance sprintf("%s %.1f,%.1f", (known ? "" : "M"), x($1), y($4 / 2))
				known = $4 != "none"
			}
			END {
				printf "<text x=\"50\" y=\"%d\" font-weight=\"bold\">%s predictions: %s leaks memory, and dies at minute %.1f</text>\n", top + 16, what, leaking, died
				for (share = 0; share <= 0.5; share += 0.1)
					printf "<path d=\"M50 %.1fH710\" stroke=\"#ddd\"/><text x=\"46\" y=\"%.1f\" text-anchor=\"end\">%d %%</text><text x=\"714\" y=\"%.1f\" fill=\"#2471a3\">%.1f</text>\n", y(share), y(share) + 4, share * 100, y(share) + 4, share * 2
				for (minute = 0; minute <= 24; minute += 4)
					printf "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d min</text>\n", x(minute), top + 242, minute
				for (minute in failed) {
					if (failed[minute] > 0)
						printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"24\" height=\"%.1f\" fill=\"#c0392b\" opacity=\"0.6\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" fill=\"#c0392b\">%d</text>\n", x(minute) + 1, y(failed[minute] / 100), failed[minute] * 4, x(minute) + 13, y(failed[minute] / 100) - 3, failed[minute]
				}
				printf "<path d=\"M%.1f %dV%d\" stroke=\"#888\" stroke-dasharray=\"3 3\"/>\n", x(died), top + 25, top + 225
				if (chance != "")
					printf "<path d=\"%s\" fill=\"none\" stroke=\"#2471a3\" stroke-dasharray=\"5 3\"/>\n", chance
				printf "<polyline points=\"%s\" fill=\"none\" stroke=\"black\" stroke-width=\"2\"/>\n", line
			}' "$results/$seed-$what.died" "$results/$seed-$what.requests" "$results/$seed-$what.states"
		top=$((top + 250))
	done
	printf '<text x="50" y="512">black: share of the clients; dashed: probability of a failure within 10 minutes; red: requests that failed, by minute</text>\n'
	printf '</svg>\n'
}

main
