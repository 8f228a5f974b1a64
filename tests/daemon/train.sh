#!/usr/bin/env bash
# From the history in the store to answers: no model was shipped, some weeks of minutes and incidents lie in SQLite, and
# `isobarctl model train` makes a model of them that beats the baselines, serves, forecasts each region, and moves shares.
# The history is the newest part of models/data, dated so that it ends now: of its regions those with the most incidents,
# since nobody can be sure of a model that was judged on a dozen.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

days=23
for program in dig curl jq sqlite3 zcat; do
	command -v $program >/dev/null || { echo "skipped: $program isn't installed"; exit 77; }
done

# One thread trains, in a child: the thread sanitizer would only make it ten times as long.
if grep -qs -- --enable-tsan "$ISOBAR_BUILD/config.log"; then
	echo "skipped: nothing here has two threads but isobard, whose part other tests run"
	exit 77
fi

main() {
	world_open
	world_prepare
	sed -i '/ probe: /d; s/pae-update-interval: .*/pae-update-interval: 1s/' "$world/zones/steering.yaml"
	mkdir "$world/models"
	holds "isobard gets ready without a model" start
	holds "a history of $days days is there" fill
	holds "there is no prediction before the training" world_await 30 every_region '.no_prediction | test("no model")'
	holds "training is asked for" world_ctl model train
	holds "a model of this history serves" world_await 200 model_serves
	card
	holds "each region has a probability by it" probabilities
	ranks
	holds "the shares are a plan's" world_await 30 plan_is_made
	holds "the model is kept over a restart" again
	holds "training goes on" world_ctl model train
	holds "a second training ends" world_await 200 trained 2
	holds "a model serves still" model_serves
	holds "and forecasts each region" probabilities
	finish
}

start() {
	ISOBAR_SOURCE=$world world_isobard	# so that `models:` names the empty folder
}

# Minutes as the rollup makes them, the newest hours raw as well, and an event where each incident begins and ends.
fill() {
	local begin last
	last=$(($(date +%s) / 60 * 60))
	begin=$((last - days * 86400))
	{
		echo "BEGIN IMMEDIATE;"
		zcat "$ISOBAR_SOURCE/models/data/metrics.csv.gz" | awk -F, -v begin="$begin" -v last="$last" -v end="$(newest)" '
			BEGIN { region["region-d2"] = "eu-west"; region["region-d4"] = "us-east"; region["region-d5"] = "ap-south" }
			NR == 1 { for (i = 3; i <= NF; i++) name[i] = $i; metrics = NF; next }
			!($2 in region) { next }
			!($2 in number) {
				number[$2] = ++count
				for (i = 3; i <= metrics; i++)
					printf "INSERT INTO series (id, region, backend, name, unit, minutes_done_ms) VALUES (%d, \"%s\", \"\", \"%s\", \"\", %.0f);\n",
						1000 * count + i, region[$2], name[i], last * 1000
			}
			{
				at = $1 - end + last
				if (at < begin)
					next
				for (i = 3; i <= metrics; i++) {
					if ($i == "")
						continue
					if (at > last - 10800)
						printf "INSERT INTO sample VALUES (%d, %.0f, %s);\n", 1000 * number[$2] + i, at * 1000, $i + 0
					printf "INSERT INTO minute VALUES (%d, %.0f, 1, %s, %s, %s, %s);\n",
						1000 * number[$2] + i, at * 1000, $i, $i, $i, $i
				}
			}'
		awk -F, -v begin="$begin" -v last="$last" -v end="$(newest)" '
			BEGIN { region["region-d2"] = "eu-west"; region["region-d4"] = "us-east"; region["region-d5"] = "ap-south" }
			$1 in region && $2 - end + last > begin {
				printf "INSERT INTO health_event (at_ms, region, service, state, cause) VALUES (%.0f, \"%s\", \"www.gtm.example.com.\", \"down\", \"history\"), (%.0f, \"%s\", \"www.gtm.example.com.\", \"up\", \"history\");\n",
					($2 - end + last) * 1000, region[$1], ($3 - end + last) * 1000, region[$1]
			}' "$ISOBAR_SOURCE/models/data/incidents.csv"
		echo "COMMIT;"
	} | tr '"' "'" >"$world/history.sql"
	sqlite3 -cmd ".timeout 10000" "$store" <"$world/history.sql"
}

newest() {	# the last second of the data
	awk -F, 'NR == 2 { print $4 }' "$ISOBAR_SOURCE/models/data/series.csv"
}

every_region() {	# JQ-CONDITION
	world_get /v1/regions | jq -e "all(.regions[]; $1)"
}

trained() {	# TIMES
	[ "$(grep -c 'training of failures within 10 minutes is done' "$world/log/isobard")" -ge "$1" ]
}

model_serves() {
	world_get /v1/models | jq -e '[.models[] | select(.kind == "failure" and .horizon_s == 600 and .status == "serving")] | length == 1'
}

# It was promoted because it beats the base rate on the newest time: the numbers of that decision are kept.
card() {
	local id
	id=$(world_get /v1/models | jq -r '.models[] | select(.kind == "failure" and .horizon_s == 600 and .status == "serving") | .id // .model')
	holds "it can be shown" world_ctl --json model show "$id"
	world_ctl --json model show "$id" >"$world/card"
	holds "its card has the Brier skill that promoted it" jq -e '[.. | .brier_skill? // empty] | max > 0' "$world/card"
	holds "its card says what it was trained on" jq -e '[.. | .incidents? // empty] | max >= 10' "$world/card"
}

# How odd each region is: trained with the same request, with the metrics that make it so, and never acted on.
ranks() {
	local id
	holds "machines for anomalies serve" world_await 200 anomalies_serve
	holds "samples go on" go_on
	holds "each region has a rank" world_await 60 every_region '.anomaly_rank >= 0 and .anomaly_rank < 1 and .no_rank == null'
	id=$(world_get /v1/models | jq -r '.models[] | select(.kind == "anomaly") | .model')
	same "their card names the regions" "$(world_ctl --json model show "$id" | jq -c '[.card.regions[].region]')" \
		'["eu-west","us-east","ap-south"]'
	holds "the table has a column for it" grep -Eq "^REGION .* ODD " <(world_ctl predictions)
	holds "with a number" grep -Eq "^eu-west +600 s .* 0\.[0-9]{4}( |$)" <(world_ctl predictions)
	holds "the predictions tell it" jq -e '[.predictions[] | select(.anomaly_rank != null)] | length > 0' \
		<(world_ctl --json predictions)
	holds "the metric has each region" test \
		"$(world_get /metrics | grep -c '^isobar_region_anomaly_rank{region="[a-z-]*"} 0')" -eq 3
}

anomalies_serve() {
	world_get /v1/models | jq -e '[.models[] | select(.kind == "anomaly" and .status == "serving")] | length == 1'
}

# On a busy machine the training outlasts the history: the newest samples go on as they were.
go_on() {
	local ahead
	ahead=$(($(date +%s) * 1000 - $(sqlite3 "$store" "SELECT max(at_ms) FROM sample")))
	ahead=$((ahead - ahead % 60000))
	[ "$ahead" -le 0 ] || sqlite3 -cmd ".timeout 10000" "$store" \
		"INSERT OR IGNORE INTO sample SELECT series, at_ms + $ahead, value FROM sample"
}

probabilities() {
	go_on || return 1
	world_await 60 every_region '.probability != null' || {
		world_get /v1/regions | jq -c '[.regions[].no_prediction]'
		return 1
	}
}

plan_is_made() {
	world_get /v1/status | jq -e '.pae.planned != null and .pae.plan_refused == null' && world_dig +short www.gtm.example.com A
}

world_dig() {
	dig @127.0.0.1 -p "$dns_port" +tries=1 +time=2 "$@"
}

again() {
	world_stop isobard && start && model_serves && probabilities
}

main
