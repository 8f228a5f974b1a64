# tests/cases.sh -- sourced by test scripts: the lines that tests/summary.sh counts, one for each case.
# shellcheck shell=bash
# Use: source it, call ok, not_ok, same or holds for every case, and end with `finish`.

cases_failed=0

ok() {	# NAME
	printf 'ok %s\n' "$1"
}

not_ok() {	# NAME WHY
	printf 'not ok %s: %s\n' "$1" "${2//$'\n'/ | }"
	cases_failed=1
}

same() {	# NAME ACTUAL EXPECTED
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got '$2', expected '$3'"
	fi
}

# The command runs in this shell, so that what it sets and starts is known afterwards.
holds() {	# NAME COMMAND...; its output is the reason when it fails
	local name=$1 output
	shift
	output=$(mktemp)
	if "$@" >"$output" 2>&1; then
		ok "$name"
	else
		not_ok "$name" "$* gave: $(head -c 2000 "$output" | grep . || echo nothing)"
	fi
	rm -f "$output"
}

finish() {
	exit "$cases_failed"
}
