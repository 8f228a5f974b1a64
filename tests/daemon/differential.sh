#!/usr/bin/env bash
# NSD, Knot and isobard serve the same zones, which tests/tools/differential.c writes, and are asked the same questions:
# a fifth of 20,000 here, all of them with `make differential`. What is compared, and what differs on purpose, stands in
# that file.
# shellcheck disable=SC2317 # what world_await calls looks unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
. "$ISOBAR_SOURCE/zones/demo/world.sh"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/tests/daemon/peers.sh"

world_open
world_port && ours=$REPLY
world_port && nsd=$REPLY
world_port && knot=$REPLY
tool=$ISOBAR_BUILD/tests/tools/differential
percent=${ISOBAR_DIFFERENTIAL-20}
mkdir "$world/zones" "$world/knot"
"$tool" zones "$world/zones"

peer_nsd_conf "$nsd" "$world/zones" "$world" >"$world/nsd.conf"
peer_knot_conf "$knot" "$world/zones" "$world/knot" >"$world/knot.conf"

answers() {	# PORT
	dig @127.0.0.1 -p "$1" +tries=1 +time=1 plain.test SOA | grep -q 'status: NOERROR'
}

world_start nsd nsd -d -c "$world/nsd.conf"
world_start knot knotd -c "$world/knot.conf"
world_start isobard "$ISOBAR_BUILD/src/isobard" --zones "$world/zones" --listen "127.0.0.1@$ours"
holds "NSD serves the zones" world_await 30 answers "$nsd"
holds "Knot serves the zones" world_await 30 answers "$knot"
holds "isobard serves the zones" world_await 30 answers "$ours"
for reference in nsd knot; do
	"$tool" ask "127.0.0.1@$ours" "127.0.0.1@${!reference}" "$reference" "$percent" || cases_failed=1
done
finish
