#!/bin/bash
# rebuild.sh -- makes the shipped models and their cards from models/data, byte for byte.
# In: ISOBAR_SOURCE and ISOBAR_BUILD (the tree and where isobar-pae was built), the folder to write to (default:
# models/), and the horizons.
# Out: failure-HORIZON.model and failure-HORIZON.card.json there, by default for 300, 600 and 1800 s; the scores on
# standard output.
#
# The bytes depend on the data, on the seed, on libsvm's version and on how exp() and log() round. glibc picks their
# versions by processor; turning off its fused multiply-add variants makes every x86-64 machine compute the same.
set -eu

source=${ISOBAR_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
build=${ISOBAR_BUILD:-$source}
to=${1:-$source/models}

export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F
shift $(($# > 0))
[ $# -gt 0 ] || set -- 300 600 1800
for horizon; do
	"$build/src/isobar-pae" --train-from "$source/models/data" --horizon "$horizon" --share 0.7 --seed 1 \
		--out "$to/failure-$horizon.model" --card "$to/failure-$horizon.card.json" \
		--date 2026-11-22T00:00:00Z \
		--data "models/data: six simulated regions, 24 days; semi-synthetic, see its README.md" \
		--licence "Apache-2.0; load shapes from JumpStarter Dataset2 (MIT)" \
		--note "Trained on simulated incidents: a start, not evidence. A model of the installation's own history takes \
its place as soon as it is better on the newest time."
done
