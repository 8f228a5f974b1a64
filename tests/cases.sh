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

holds() {	# NAME COMMAND...; its output is the reason when it fails
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name" "$* gave: ${output:-nothing}"
	fi
}

finish() {
	exit "$cases_failed"
}
