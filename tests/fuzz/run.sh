#!/usr/bin/env bash
# tests/fuzz/run.sh -- `make fuzz`: every target from its saved inputs, as many at once as there are processors, each for a
# time of its own. Prints a table; the status is 1 when something broke.
# In: ISOBAR_BUILD, of ./configure --enable-fuzz CC=clang, with sanitizers in CFLAGS and LDFLAGS; ISOBAR_SOURCE; the targets'
# names (all); optionally FUZZ_SECONDS (3600).
# Inputs that led somewhere new stay in ISOBAR_BUILD/fuzz/TARGET for the next run, and what broke in ISOBAR_BUILD/fuzz/found:
# mended, it belongs into tests/fuzz/corpus/TARGET.
set -u
seconds=${FUZZ_SECONDS-3600}
folder=$ISOBAR_BUILD/fuzz

main() {
	local target turns all
	[ $# -gt 0 ] || mapfile -t all < <(ls "$ISOBAR_SOURCE/tests/fuzz/corpus")
	[ $# -gt 0 ] || set -- "${all[@]}"
	mkdir -p "$folder/found"
	turns=$((($# + $(nproc) - 1) / $(nproc)))
	echo "$# targets, $seconds s each, $(nproc) at once: about $((turns * seconds / 60)) minutes"
	for target in "$@"; do
		while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
			wait -n
		done
		fuzz "$target" &
	done
	wait
	table "$@"
}

fuzz() {	# TARGET
	local name=$1
	mkdir -p "$folder/$name"
	cp -n "$ISOBAR_SOURCE/tests/fuzz/corpus/$name/"* "$folder/$name/"
	"$ISOBAR_BUILD/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2500 -print_final_stats=1 \
		-artifact_prefix="$folder/found/$name-" "$folder/$name" >"$folder/$name.log" 2>&1
	echo $? >"$folder/$name.status"
}

table() {	# TARGET...
	local name status broken=0
	printf '%-12s %14s %10s  %s\n' target executions coverage ""
	for name in "$@"; do
		status=$(cat "$folder/$name.status")
		[ "$status" = 0 ] || broken=1
		printf '%-12s %14s %10s  %s\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/$name.log")" \
			"$(grep -oE 'cov: [0-9]+' "$folder/$name.log" | tail -n 1 | cut -d ' ' -f 2)" \
			"$([ "$status" = 0 ] || echo "broke: see $folder/$name.log")"
	done
	return $broken
}

main "$@"
