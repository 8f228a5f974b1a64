#!/usr/bin/env bash
# tests/bench/training.sh -- `make bench-training`: whether training a model delays DNS answers, and what it costs.
# The store gets a history of a million region-minutes with twelve metrics each: the regions of models/data, several times
# over, dated so that it ends now. Then bench_training asks isobard at a steady rate, with the engine's training beside it
# and without.
# Nothing else should run meanwhile, and it must not be niced itself: what is asked is whether the training's priority is low
# enough beside isobard's. On a busy machine single pairs differ tenfold either way, by what else runs.
# In: ISOBAR_BUILD, ISOBAR_SOURCE; optionally PAIRS (15), SECONDS_EACH (6), RATE (2000) and COPIES (5), that is 207,360
# region-minutes each.  Out: a table, and tests/bench/results-training.json, or TRAINING_OUT.
set -u
. "$ISOBAR_SOURCE/zones/demo/world.sh"
copies=${COPIES-5}
data=$ISOBAR_SOURCE/models/data

main() {
	world_open
	world_prepare
	sed -i '/ probe: /d' "$world/zones/steering.yaml"
	world_settings="pae: external"
	world_isobard || fail "isobard doesn't start"
	world_stop isobard	# the store is made
	echo "$(date -u +%T) a history of $((copies * 207360)) region-minutes is written"
	fill || fail "the store can't be filled"
	world_isobard || fail "isobard doesn't start"
	echo "$(date -u +%T) asking"
	mapfile -t regions < <(sqlite3 "$store" "SELECT DISTINCT region FROM series ORDER BY 1")
	"$ISOBAR_BUILD/tests/bench/bench_training" "$dns_port" www.gtm.example.com "$store" "$ISOBAR_SOURCE/models" "${PAIRS-15}" \
		"${SECONDS_EACH-6}" "${RATE-2000}" "${TRAINING_OUT-$ISOBAR_SOURCE/tests/bench/results-training.json}" "$((copies * 207360))" "${regions[@]}" ||
		fail "the measurement failed"
}

fail() {
	echo "training: $1" >&2
	tail -n 20 "$world"/log/* >&2
	exit 1
}

# Minutes as the rollup makes them, and an event where each incident begins and ends. A copy is other regions with the same
# history, six hours earlier.
fill() {
	local shift_s
	shift_s=$(($(date +%s) / 60 * 60 - $(awk -F, 'NR == 2 { print $4 }' "$data/series.csv") - 60))
	zcat "$data/metrics.csv.gz" | awk -F, 'NR == 1 { for (i = 3; i <= NF; i++) name[i] = $i; next }
		{ for (i = 3; i <= NF; i++) if ($i != "") print $2 "," name[i] "," $1 "," $i }' >"$world/values.csv"
	tail -n +2 "$data/incidents.csv" | cut -d, -f1-3 >"$world/incidents.csv"
	cat >"$world/history.sql" <<-END
		PRAGMA synchronous = OFF;
		CREATE TEMP TABLE read (region, name, at_s, value);
		CREATE TEMP TABLE incident (region, from_s, to_s);
		CREATE TEMP TABLE copy (number);
		.mode csv
		.import --schema temp $world/values.csv read
		.import --schema temp $world/incidents.csv incident
		WITH RECURSIVE n (number) AS (VALUES (0) UNION ALL SELECT number + 1 FROM n WHERE number < $copies - 1)
		    INSERT INTO copy SELECT number FROM n;
		BEGIN IMMEDIATE;
		INSERT INTO series (region, backend, name, unit, minutes_done_ms)
		    SELECT region || '-' || number, '', name, '', (SELECT max(at_s + $shift_s) * 1000 FROM read)
		    FROM (SELECT DISTINCT region, name FROM read), copy;
		INSERT INTO minute
		    SELECT series.id, (at_s + $shift_s - 21600 * number) * 1000, 1, value + 0.0, value + 0.0, value + 0.0, value + 0.0
		    FROM copy, read, series WHERE series.region = read.region || '-' || number AND series.name = read.name;
		INSERT INTO health_event (at_ms, region, service, state, cause)
		    SELECT (from_s + $shift_s - 21600 * number) * 1000, region || '-' || number, 'www.gtm.example.com.', 'down', 'history'
		    FROM incident, copy
		    UNION ALL
		    SELECT (to_s + $shift_s - 21600 * number) * 1000, region || '-' || number, 'www.gtm.example.com.', 'up', 'history'
		    FROM incident, copy
		    ORDER BY 1;
		COMMIT;
	END
	nice sqlite3 -bail "$store" <"$world/history.sql" && rm "$world/values.csv"
}

main
