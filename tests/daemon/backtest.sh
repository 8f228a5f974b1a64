#!/usr/bin/env bash
# History from elsewhere: `isobarctl metrics import` takes a folder into a running isobard's store, and `isobarctl
# backtest` replays the store through a model; both tell what is wrong with their input by file and line.
# The history is the newest part of models/data, dated so that it ends now.
# shellcheck disable=SC2317 # functions that holds calls look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

days=4
for program in dig jq sqlite3 zcat; do
	command -v $program >/dev/null || { echo "skipped: $program isn't installed"; exit 77; }
done
if grep -qs -- --enable-tsan "$ISOBAR_BUILD/config.log"; then
	echo "skipped: nothing here has two threads but isobard, whose part other tests run"
	exit 77
fi

main() {
	world_open
	world_prepare
	sed -i '/ probe: /d' "$world/zones/steering.yaml"
	mkdir "$world/models"
	ISOBAR_SOURCE=$world holds "isobard gets ready" world_isobard
	make_folder
	holds "a folder is imported" world_ctl metrics import "$world/history"
	same "every incident is an event of health, with its end" \
		"$(sql "SELECT count(*) FROM health_event WHERE cause = 'imported'")" \
		"$((2 * ($(wc -l < "$world/history/incidents.csv") - 1)))"
	holds "samples are in the store" test "$(sql 'SELECT count(*) FROM sample')" -gt 10000
	local before
	before=$(sql 'SELECT count(*) FROM sample')
	holds "it may be imported again" world_ctl metrics import "$world/history"
	same "which adds no sample" "$(sql 'SELECT count(*) FROM sample')" "$before"
	replay
	wrong
	finish
}

sql() {
	sqlite3 -readonly -cmd '.timeout 5000' "$world/isobar.db" "$1"
}

# Three series as the world's regions; the time stamps are moved.
make_folder() {
	local last=$(($(date +%s) / 60 * 60)) end
	end=$(zcat "$ISOBAR_SOURCE/models/data/metrics.csv.gz" | awk -F, 'NR > 1 && $1 > end { end = $1 } END { print end }')
	mkdir "$world/history"
	zcat "$ISOBAR_SOURCE/models/data/metrics.csv.gz" | awk -F, -v OFS=, -v shift=$((last - end)) -v begin=$((end - days * 86400)) '
		BEGIN { split("eu-west us-east ap-south", regions, " ") }
		NR == 1 { print; next }
		!($2 in number) { number[$2] = ++count }
		number[$2] > 3 || $1 < begin { next }
		{ $1 += shift; $2 = regions[number[$2]]; print }' > "$world/history/metrics.csv"
	awk -F, -v OFS=, -v shift=$((last - end)) -v begin=$((end - days * 86400)) '
		BEGIN { split("eu-west us-east ap-south", regions, " ") }
		NR == 1 { print; next }
		{ n = substr($1, length($1)) + 1 }
		n > 3 || $2 < begin { next }
		{ print regions[n], $2 + shift, $3 + shift, $4 }' "$ISOBAR_SOURCE/models/data/incidents.csv" \
		> "$world/history/incidents.csv"
}

replay() {
	local from=$(($(date +%s) - days * 86400 / 3)) out
	out=$("$ISOBAR_BUILD/src/isobarctl" --json backtest --store "$world/isobar.db" \
		--from "$(date -u -d "@$from" +%Y-%m-%dT%H:%M:%SZ)")
	same "the store can be replayed" $? 0
	same "all contestants are judged" "$(jq '.failures.scores | length' <<< "$out")" 6
	holds "rows behind the begin alone are scored" test "$(jq -r '.failures.from | .[0:19] + "Z" | fromdate' <<< "$out")" \
		-ge $((from - 60))
	"$ISOBAR_BUILD/src/isobarctl" backtest --store "$world/isobar.db" --model 00 \
		--from 2026-01-01T00:00:00Z 2> "$world/said"
	same "a model that isn't there is an error" $? 1
	holds "which names it" grep -q "no model '00'" "$world/said"
}

wrong() {
	printf 'timestamp,series,cpu\n1763828400,eu-west,0.5\n1763828460,eu-west,half\nnoon,eu-west,1\n' > "$world/bad.csv"
	world_ctl metrics import "$world/bad.csv" 2> "$world/said"
	same "text in a number is refused" $? 1
	holds "with its line" grep -q 'bad.csv:3' "$world/said"
	holds "and so is what else is wrong" grep -q 'bad.csv:4' "$world/said"
	printf 'timestamp,series,cpu\n1763828400,atlantis,0.5\n' > "$world/bad.csv"
	world_ctl metrics import "$world/bad.csv" 2> "$world/said"
	same "a series that is no region is refused" $? 1
	holds "by its name" grep -q 'atlantis' "$world/said"
	world_ctl metrics import "$world/nowhere.csv" 2> "$world/said"
	same "a file that isn't there is an error" $? 1
	"$ISOBAR_BUILD/src/isobarctl" backtest --train "$world/nowhere" --test "$ISOBAR_SOURCE/models/data" 2> "$world/said"
	same "so is a folder that isn't" $? 1
	"$ISOBAR_BUILD/src/isobarctl" backtest --test "$ISOBAR_SOURCE/models/data" --horizon soon 2> "$world/said"
	same "a horizon that is no number is wrong usage" $? 2
	"$ISOBAR_BUILD/src/isobarctl" backtest 2> "$world/said"
	same "and so is a backtest of nothing" $? 2
}

main
