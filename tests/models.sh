#!/bin/bash
# models.sh -- the shipped model: what it's worth on time that it hasn't seen, and that it can be made again.
# In: models/ of the tree, isobar-pae of the build.  Out: the table of scores, then a line for each case.
# shellcheck disable=SC2317 # functions that holds calls look unreachable to it
set -u

source=${ISOBAR_SOURCE:?} build=${ISOBAR_BUILD:?}
# shellcheck source=tests/cases.sh
. "$source/tests/cases.sh"
# One thread trains: the thread sanitizer has nothing to see, and takes minutes for it.
if grep -qs -- --enable-tsan "$build/config.log"; then
	echo "skipped: training has one thread"
	exit 77
fi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# true when A > FACTOR x B
exceeds() {	# A FACTOR B
	awk -v a="$1" -v f="$2" -v b="$3" 'BEGIN { print a, "against", f, "x", b; exit !(a > f * b) }'
}

rebuild() {
	ISOBAR_SOURCE=$source ISOBAR_BUILD=$build bash "$source/models/rebuild.sh" "$folder" 600
}

"$build/src/isobar-pae" --evaluate "$source/models/data" --model "$source/models/failure-600.model" \
	> "$folder/scores"
same "models: the shipped model can be evaluated" $? 0
cat "$folder/scores"

# The table's columns: average precision, ROC AUC, Brier score, Brier skill. Two blanks, since the heading begins with
# "model", too.
read -r ap auc brier skill _ <<< "$(sed -n 's/^model   *//p' "$folder/scores")"
read -r rule_ap rule_auc rule_brier _ <<< "$(sed -n 's/^threshold rule  *//p' "$folder/scores")"
read -r base_ap base_auc base_brier _ <<< "$(sed -n 's/^base rate  *//p' "$folder/scores")"
holds "models: average precision is twenty times the base rate" exceeds "$ap" 20 "$base_ap"
holds "models: average precision is twice the threshold rule's" exceeds "$ap" 2 "$rule_ap"
holds "models: ROC AUC is above the base rate's" exceeds "$auc" 1 "$base_auc"
holds "models: ROC AUC is above the threshold rule's" exceeds "$auc" 1 "$rule_auc"
holds "models: the Brier score is below the base rate's" exceeds "$base_brier" 1 "$brier"
holds "models: the Brier score is below the threshold rule's" exceeds "$rule_brier" 1 "$brier"
holds "models: the Brier skill is above a tenth" exceeds "$skill" 1 0.1

holds "models: the shipped model can be made again" rebuild
holds "models: it's the same byte for byte" cmp "$source/models/failure-600.model" \
	"$folder/failure-600.model"
holds "models: so is its card" cmp "$source/models/failure-600.card.json" "$folder/failure-600.card.json"

# A small part of real data: one machine is learnt from, another forecast; three services' load.
split_machines() {
	local part=$1 machine=$2 file
	mkdir "$folder/$part"
	for file in incidents.csv series.csv; do
		grep -e '^series' -e "^$machine," "$source/models/small/smd/$file" > "$folder/$part/$file"
	done
	gzip -dc "$source/models/small/smd/metrics.csv.gz" | grep -e '^timestamp' -e ",$machine," \
		> "$folder/$part/metrics.csv"
}
split_machines learnt machine-2-7
split_machines forecast machine-1-6
backtest() {
	"$build/src/isobarctl" --json backtest --train "$folder/learnt" --test "$folder/forecast" --horizon 600 \
		--predictions "$1" --svg "$folder/page.svg" > "$folder/backtest.json"
}
# SCORE NAME
score() {
	jq -r --arg name "$2" ".failures.scores[] | select(.name == \$name) | .$1" "$folder/backtest.json"
}
holds "backtest: another machine is forecast" backtest "$folder/first.csv"
same "backtest: a line for each row of it, in its order" "$(tail -n +2 "$folder/first.csv" | cut -d, -f1,2 | cksum)" \
	"$(tail -n +2 "$folder/forecast/metrics.csv" | cut -d, -f1,2 | cksum)"
same "backtest: each is a probability" "$(awk -F, 'NR > 1 && !($3 >= 0 && $3 <= 1)' "$folder/first.csv" | wc -l)" 0
same "backtest: all contestants are judged" "$(jq '.failures.scores | length' "$folder/backtest.json")" 6
holds "backtest: not worse than the base rate" exceeds "$(score brier_skill model)" 1 -0.02
holds "backtest: the page of plots is XML" grep -q '</svg>' "$folder/page.svg"
load() {
	"$build/src/isobarctl" backtest --train "$source/models/small/jumpstarter" \
		--test "$source/models/small/jumpstarter" --load m11 --forecasts "$folder/forecasts.csv" > "$folder/load"
}
holds "backtest: load is forecast" load
holds "backtest: at three horizons" test \
	"$(tail -n +2 "$folder/forecasts.csv" | cut -d, -f3 | sort -un | tr '\n' ' ')" = "600 1800 3600 "
finish
