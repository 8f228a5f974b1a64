#!/bin/bash
# evaluate.sh -- what the models are worth on a folder of data sets: `models/evaluate.sh DIR`, or `make evaluate DATA=DIR`.
# In: the folder, ISOBAR_SOURCE and ISOBAR_BUILD (the tree, and where models/evaluate was built).
# Out: tables on standard output; models/results.json, the goals; models/figures.json, all numbers.
set -eu

source=${ISOBAR_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
build=${ISOBAR_BUILD:-$source}
data=${1:?the folder of data sets, see isobar-models(7)}

if [ ! -x "$build/models/evaluate" ]; then
	echo "models/evaluate isn't built: make models/evaluate, or make evaluate DATA=$data" >&2
	exit 1
fi
exec "$build/models/evaluate" "$data" "$source/models/results.json" "$source/models/figures.json"
