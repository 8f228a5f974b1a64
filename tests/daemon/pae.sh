#!/usr/bin/env bash
# isobar-pae beside a running isobard: forecasts from what agents reported, plans that follow them, reasons where there is
# no prediction, and what happens when one of the two dies.
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
	without_history
	with_history
	switched
	damaged_model
	damaged_anomalies
	nothing_to_train_on
	daemon_away
	wrong_usage
	manual
	world_stop isobard
	as_a_child
	finish
}

pae() {	# ARGUMENTS...
	"$ISOBAR_BUILD/src/isobar-pae" --store "$world/isobar.db" --api "unix:$api_socket" "$@" </dev/null
}

round() {	# MODELS; one round, its log in $world/pae
	pae --models "$1" --once 2>"$world/pae"
}

# The newest prediction of a region.
prediction() {	# REGION JQ-FILTER
	world_get /v1/predictions | jq -r --arg r "$1" "[.predictions[] | select(.region == \$r and .horizon_s == 600 and .role == \"serving\")] | max_by(.at) | $2"
}

# The part of its clients that the plan gives a region.
share() {	# GROUP REGION
	world_get /v1/plan | jq --arg g "$1" --arg r "$2" '[.plan.services[0].groups[] | select(.group == $g) |
		.pairs[] | select(.primary == $r) | .share] | add // 0'
}

is_near() {	# A B
	awk -v a="$1" -v b="$2" 'BEGIN { print a, b; exit !(a - b < 1e-6 && b - a < 1e-6) }'
}

is_less() {	# A B
	awk -v a="$1" -v b="$2" 'BEGIN { print a, b; exit !(a < b) }'
}

without_history() {
	local region
	holds "a round without any history is done" round "$ISOBAR_SOURCE/models"
	for region in "${world_regions[@]}"; do
		same "no prediction of $region without history" \
			"$(prediction "$region" '"\(.probability) \(.reason)"')" \
			"null too little history: 30 minutes of samples are needed"
	done
	holds "the static weights stand: eu-west has half" is_near "$(share default eu-west)" 0.5
	holds "the static weights stand: us-east has three tenths" is_near "$(share default us-east)" 0.3
	holds "German clients stay in the EU" is_near "$(share germany eu-west)" 1
}

# An hour and a half of reports, one a minute; memory rises by LEAK a minute.
history_of() {	# REGION MINUTES LEAK
	awk -v region="$1" -v minutes="$2" -v leak="$3" -v now="$(date +%s)" 'BEGIN {
		for (i = 1; i <= minutes; i++) {
			printf "{\"agent\":\"a\",\"sequence\":%d,\"time\":%d,\"metrics\":[", i, now - (minutes - i) * 60 - 1
			printf "{\"name\":\"cpu\",\"value\":%.3f},", 0.3 + i % 5 / 100
			printf "{\"name\":\"mem\",\"value\":%.4f},", 0.99 - (minutes - i) * leak - (leak == 0) / 2
			printf "{\"name\":\"disk\",\"value\":0.5},{\"name\":\"rps\",\"value\":%.1f},", 100 + i % 7
			printf "{\"name\":\"err_ratio\",\"value\":0.001},{\"name\":\"retrans\",\"value\":0.002},"
			printf "{\"name\":\"lat_p50_ms\",\"value\":40},{\"name\":\"lat_p99_ms\",\"value\":%.1f},", 250 + i % 9
			printf "{\"name\":\"dep_ms\",\"value\":10},{\"name\":\"probe_ok\",\"value\":1},{\"name\":\"hb_missed\",\"value\":0}]}\n"
		}
	}' >"$world/history"
	# One curl for all: a process for each would take longer than the test.
	awk -v url="http://isobard/v1/regions/$1/reports" -v socket="$api_socket" '{
		gsub(/"/, "\\\"")
		printf "%sunix-socket = \"%s\"\nurl = \"%s\"\noutput = \"/dev/null\"\nsilent\nfail\nmax-time = 60\n", (NR > 1 ? "next\n" : ""), socket, url
		printf "header = \"Content-Type: application/json\"\ndata = \"%s\"\n", $0
	}' "$world/history" >"$world/curl"
	curl -K "$world/curl"
}

with_history() {
	holds "a calm region reports" history_of eu-west 150 0
	holds "a leaking region reports" history_of us-east 150 0.003
	holds "a new region reports" history_of ap-south 5 0
	holds "a round with history is done" round "$ISOBAR_SOURCE/models"
	same "the calm region has a prediction" "$(prediction eu-west '(.probability < 0.05) and .reason == null')" true
	same "the leaking one has a high one" "$(prediction us-east '(.probability > 0.1) and .reason == null')" true
	same "the new one has none" "$(prediction ap-south .reason)" \
		"too little history: 30 minutes of samples are needed"
	same "the load is forecast" "$(prediction eu-west '(.load_forecast > 95) and (.load_forecast < 110)')" true
	same "there is no rank of how odd it is before machines are trained" "$(prediction eu-west '"\(.anomaly_rank) \(.anomaly_reason)"')" \
		"null no model of anomalies has been trained here yet"
	holds "the table has none" grep -Eq "^eu-west +600 s .* - *$" <(world_ctl predictions)
	same "neither have the metrics" "$(world_get /metrics | grep -c '^isobar_region_anomaly_rank{')" 0
	same "the prediction names its model" "$(prediction eu-west .model)" \
		"$(sha256sum "$ISOBAR_SOURCE/models/failure-600.model" | cut -d' ' -f1)"
	world_ctl predictions --why us-east >"$world/why"
	holds "it tells why, by the feature that is odd" grep -Eq "^(mem|limit)[a-z0-9_]* +[0-9.]+ " "$world/why"
	holds "and of a calm region, at the first round of an hour" grep -q "^eu-west fails within 600 s" \
		<(world_ctl predictions --why eu-west)
	holds "clients move away from the leaking region" is_less "$(share default us-east)" 0.28
	holds "and to the others" is_less 0.5 "$(share default eu-west)"
	holds "German clients still stay in the EU" is_near "$(share germany eu-west)" 1
}

# The master switch, each way by an ordinary apply.
switched() {	# us-east leaks still
	sed -i '1i prediction: advice' "$world/zones/steering.yaml"
	holds "prediction as advice is applied" world_ctl apply "$world/zones"
	holds "a round of advice is done" round "$ISOBAR_SOURCE/models"
	same "the leaking region's probability is told" "$(prediction us-east '(.probability > 0.1)')" true
	holds "and moves nobody: us-east has as much as without" is_near "$(share default us-east)" 0.3
	same "the status says so" "$(world_get /v1/status | jq -r .prediction)" advice
	holds "in words, too" grep -q "^forecast failures are predicted as advice" <(world_ctl status)
	sed -i '1s/.*/prediction: off/' "$world/zones/steering.yaml"
	holds "prediction is turned off" world_ctl apply "$world/zones"
	same "what was predicted before counts no more at once" "$(world_get /v1/status |
		jq -c '[.predictions[] | [.probability, .no_prediction]] | unique')" '[[null,"prediction is off in steering.yaml"]]'
	holds "a round without predictions is done" round "$ISOBAR_SOURCE/models"
	same "there is none, with the reason" "$(prediction us-east '"\(.probability) \(.load_forecast) \(.reason)"')" \
		"null null prediction is off in steering.yaml"
	holds "plans go on" is_near "$(share default us-east)" 0.3
	sed -i '1s/.*/prediction: no/' "$world/zones/steering.yaml"
	same "another word is refused" "$(world_ctl apply "$world/zones" 2>&1 | grep -c "'prediction' ")" 1
	sed -i '1s/.*/prediction: on/' "$world/zones/steering.yaml"
	holds "prediction is turned on again" world_ctl apply "$world/zones"
	holds "a round with predictions is done" round "$ISOBAR_SOURCE/models"
	holds "clients move away again" is_less "$(share default us-east)" 0.28
}

damaged_model() {
	mkdir "$world/models"
	head -c 100000 "$ISOBAR_SOURCE/models/failure-600.model" >"$world/models/failure-600.model"
	holds "a round with a model cut short is done" round "$world/models"
	same "it says why there is no prediction" "$(prediction eu-west '"\(.probability) \(.reason)"')" \
		"null no model: line $(grep -n ^sha256 "$world/models/failure-600.model" | cut -d: -f1): the checksum doesn't match: cut short or changed"
	holds "the static weights stand again" is_near "$(share default us-east)" 0.3
	rm "$world/models/failure-600.model"
	holds "a round without a model is done" round "$world/models"
	same "it says that there is none" "$(prediction eu-west .reason)" "no model: none in the store, and none was shipped"
}

# What the store has as a model of anomalies isn't one: it's said, there is no rank, and all else goes on.
damaged_anomalies() {
	local text
	for text in "" "isobar-anomalies 1" "isobar-anomalies 2\\nsha256 00\\n" "isobar-anomalies 1\\nsha256 00\\nregion eu-west\\n"; do
		holds "a broken model of anomalies is stored" world_post /v1/models "{\"kind\": \"anomaly\", \"horizon_s\": 0,
			\"trained\": \"$(date -u +%FT%TZ)\", \"status\": \"serving\", \"card\": {}, \"text\": \"$text\"}"
		holds "a round with it is done" round "$ISOBAR_SOURCE/models"
		holds "it's refused" grep -q "the model of anomalies in the store is refused" "$world/pae"
		same "there is no rank" "$(prediction eu-west .anomaly_rank)" null
		same "there is a prediction" "$(prediction eu-west '.probability != null')" true
	done
}

said() {	# TEXT
	grep -qF "$1" "$world/log/pae"
}

nothing_to_train_on() {
	world_start pae "$ISOBAR_BUILD/src/isobar-pae" --store "$world/isobar.db" --api "unix:$api_socket" \
		--models "$ISOBAR_SOURCE/models"
	holds "the engine runs" world_await 20 said "the shipped model of failures within 600 s serves"
	kill -USR1 "${world_pids[pae]}"
	holds "asked to train without incidents, it says what is missing" world_await 60 said \
		"nothing was trained for failures within 10 minutes: 0 incidents in the history; 10 are needed"
	world_stop pae
	same "it ends when it's told to" $? 0
}

daemon_away() {
	"$ISOBAR_BUILD/src/isobar-pae" --store "$world/isobar.db" --api "unix:$world/nowhere.sock" --once \
		--models "$ISOBAR_SOURCE/models" </dev/null 2>"$world/pae"
	same "a round without isobard fails" $? 1
	"$ISOBAR_BUILD/src/isobar-pae" --store "$world/nowhere.db" --api "unix:$api_socket" --once </dev/null 2>"$world/pae"
	same "so does one without a store" $? 1
}

wrong_usage() {
	local arguments
	for arguments in "" "--store x" "--api unix:/x" "--train-from x" "--horizon 1" "--share 2" "--nonsense" "extra"; do
		# shellcheck disable=SC2086 # several words are meant
		"$ISOBAR_BUILD/src/isobar-pae" $arguments </dev/null >"$world/pae" 2>&1
		same "wrong usage: '$arguments'" $? 2
	done
	holds "help is given" "$ISOBAR_BUILD/src/isobar-pae" --help
}

# Every option of the program's table is in its manual page, and the other way round.
manual() {
	same "the manual page has every option, and no other" \
		"$(grep -o 'Fl -[a-z-]*' "$ISOBAR_SOURCE/man/isobar-pae.8" | sed 's/Fl -//' | sort -u | tr '\n' ' ')" \
		"$(sed -n 's/^\t{ "\([a-z-]*\)", [a-z_]*argument.*/\1/p' "$ISOBAR_SOURCE/src/pae/options.c" | sort -u | tr '\n' ' ')"
}

engine() {	# the pid of isobard's child
	pgrep -P "${world_pids[isobard]}" -f isobar-pae
}

another_engine() {	# PID
	local now
	now=$(engine) && [ "$now" != "$1" ]
}

gone() {	# PID
	! kill -0 "$1"
}

as_a_child() {
	local first second
	world_settings=
	holds "isobard with an engine of its own gets ready" world_isobard
	holds "it starts its engine" world_await 10 engine
	first=$(engine)
	kill -KILL "$first"
	holds "killed, it's started again" world_await 20 another_engine "$first"
	second=$(engine)
	holds "predictions go on" world_await 30 fresh_prediction
	world_stop isobard KILL
	holds "without isobard it leaves" world_await 10 gone "$second"
}

fresh_prediction() {
	local at
	at=$(world_get /v1/regions/eu-west | jq -er .predicted) && [ $(($(date +%s) - $(date +%s -d "$at"))) -lt 3 ]
}

main
