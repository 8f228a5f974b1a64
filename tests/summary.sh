#!/usr/bin/env bash
# tests/summary.sh -- sums up single test cases over one or more folders of results.
# In: folders that hold automake's .trs and .log files (a build folder, or a copy of its results). A log's lines "ok NAME"
# and "not ok NAME: why" are its cases. A test program without such lines counts as one case; one that failed without a
# "not ok" (it crashed, or couldn't start) counts as one failed case.
# The same case in several folders (gcc, sanitizers, valgrind) is counted once: passed if it passed in all of them.
# Out: the cases that failed, then "N passed, N failed" as the last line. Exit 0 if none failed and at least one passed.

if [ $# -eq 0 ]; then
	echo "usage: $0 FOLDER..." >&2
	exit 2
fi

# One line per case: "ok|not ok|skipped", program, the rest of its line, folder; separated by tabs.
list_cases() {	# FOLDER
	local trs log result program
	while read -r trs; do
		log=${trs%.trs}.log
		program=${trs#"$1"/}
		program=${program%.trs}
		result=$(sed -n 's/^:test-result: \([A-Z]*\).*/\1/p' "$trs")
		awk -v result="$result" -v program="$program" -v folder="$1" '
			{ gsub(/\t/, " ") }
			/^ok / { print "ok\t" program "\t" substr($0, 4) "\t" folder; good++ }
			/^not ok / { print "not ok\t" program "\t" substr($0, 8) "\t" folder; bad++ }
			END {
				if (result == "SKIP")
					print "skipped\t" program "\t(skipped)\t" folder
				else if (result != "PASS" && !bad)
					print "not ok\t" program "\t(ended with " result ")\t" folder
				else if (!good && !bad)
					print "ok\t" program "\t(whole)\t" folder
			}' "$log"
	done < <(find "$1" -name '*.trs' | LC_ALL=C sort)
}

for folder in "$@"; do
	list_cases "${folder%/}"
done | awk -F '\t' '
	$1 == "skipped" { print "skipped: " $2 " in " $4; next }
	$1 == "ok" {
		key = $2 "\t" $3
		# A name given twice in one run is two cases.
		n = ++times[$4 "\t" key]
		if (n > 1)
			key = key "\t" n
		seen[key] = 1
		next
	}
	{ failed[++failures] = $0 }
	END {
		# A failed case is one that passed elsewhere, if its line starts with the name of that.
		for (i = 1; i <= failures; i++) {
			split(failed[i], f, "\t")
			print "not ok " f[2] ": " f[3] " (in " f[4] ")"
			key = ""
			rest = f[3]
			for (length_left = length(rest); length_left > 0; length_left--) {
				candidate = f[2] "\t" substr(rest, 1, length_left)
				if ((candidate in seen) && (length_left == length(rest) || substr(rest, length_left + 1, 1) == ":")) {
					key = candidate
					break
				}
			}
			if (key == "")
				key = f[2] "\t" rest
			bad[key] = 1
		}
		for (key in seen)
			passed += !(key in bad)
		for (key in bad)
			broken++
		printf "%d passed, %d failed\n", passed, broken
		exit broken > 0 || passed == 0
	}'
