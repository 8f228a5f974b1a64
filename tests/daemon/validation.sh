#!/usr/bin/env bash
# Zones that arrive signed, with NSEC, with NSEC3, and with NSEC3 and opt-out: NSD and Knot give the same answers and proofs,
# and unbound, which trusts the zones' keys, validates what isobard says. The zones and questions are those of
# tests/tools/differential.c.
# shellcheck disable=SC2317 # what world_await calls looks unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
. "$ISOBAR_SOURCE/zones/demo/world.sh"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/tests/daemon/peers.sh"

world_open
world_port && ours=$REPLY
world_port && nsd=$REPLY
world_port && knot=$REPLY
world_port && resolver=$REPLY
tool=$ISOBAR_BUILD/tests/tools/differential
mkdir "$world/plain" "$world/keys"
"$tool" zones "$world/plain"
for file in "$world"/plain/*.zone; do
	name=${file##*/}
	dnssec-keygen -q -K "$world/keys" -a ECDSAP256SHA256 -f KSK "${name%.zone}" >/dev/null || exit 1
done

sign() {	# FOLDER OPTION...; the keys are the trust anchors
	local folder=$1 file name
	shift
	mkdir -p "$folder/zones"
	for file in "$world"/plain/*.zone; do
		name=${file##*/}
		name=${name%.zone}
		dnssec-signzone -S -x -z -K "$world/keys" -d "$folder" -o "$name" -f "$folder/zones/$name.zone" "$@" "$file" ||
			return 1
	done
	cat "$world"/keys/*.key >"$folder/anchors"
}

resolver_conf() {	# FOLDER AGGRESSIVE
	local name
	cat <<-END
		server:
		    interface: 127.0.0.1@$resolver
		    username: ""
		    chroot: ""
		    directory: "$1"
		    pidfile: ""
		    num-threads: 1
		    do-not-query-localhost: no
		    module-config: "validator iterator"
		    trust-anchor-file: "$1/anchors"
		    aggressive-nsec: $2
		    qname-minimisation: no # it loses its way where a name above has a CNAME
		    local-zone: test. nodefault
		    log-servfail: yes
		    val-log-level: 2
		    use-syslog: no
		remote-control:
		    control-enable: no
	END
	for name in example.test nested.example.test wild.test plain.test ""; do
		printf 'stub-zone:\n    name: %s.\n    stub-addr: 127.0.0.1@%s\n    stub-prime: no\n' "$name" "$ours"
	done
}

answers() {	# PORT
	dig @127.0.0.1 -p "$1" +tries=1 +time=1 plain.test SOA | grep -q 'status: NOERROR'
}

serve() {	# NAME AGGRESSIVE OPTION...
	folder=$world/$1
	holds "zones signed with $1" sign "$folder" "${@:3}"
	peer_nsd_conf "$nsd" "$folder/zones" "$folder" >"$folder/nsd.conf"
	peer_knot_conf "$knot" "$folder/zones" "$folder/knot" >"$folder/knot.conf"
	resolver_conf "$folder" "$2" >"$folder/unbound.conf"
	mkdir "$folder/knot"
	world_start nsd nsd -d -c "$folder/nsd.conf"
	world_start knot knotd -c "$folder/knot.conf"
	world_start isobard "$ISOBAR_BUILD/src/isobard" --zones "$folder/zones" --listen "127.0.0.1@$ours"
	world_start unbound unbound -d -c "$folder/unbound.conf"
	holds "NSD serves the zones with $1" world_await 30 answers "$nsd"
	holds "Knot serves the zones with $1" world_await 30 answers "$knot"
	holds "isobard serves the zones with $1" world_await 30 answers "$ours"
	holds "unbound resolves with $1" world_await 30 answers "$resolver"
}

# Signatures that have expired, and some that will: isobard can't renew them, and says so.
ages() {
	local folder=$world/old
	holds "zones with old signatures" sign "$folder" -P -s now-40d -e now-1d
	world_start isobard "$ISOBAR_BUILD/src/isobard" --zones "$folder/zones" --listen "127.0.0.1@$ours"
	holds "expired signatures are told" world_await 20 grep -q "signatures of plain.test. have expired, the first is that of plain.test." \
		"$world/log/isobard"
	world_stop isobard
}

leave() {
	world_stop unbound
	world_stop isobard
	world_stop knot
	world_stop nsd
}

compare() {	# PERCENT
	local reference
	for reference in nsd knot; do
		"$tool" ask "127.0.0.1@$ours" "127.0.0.1@${!reference}" "$reference" "$1" || cases_failed=1
	done
	"$tool" validate "127.0.0.1@$resolver" "127.0.0.1@$ours" 4 || cases_failed=1
}

serve nsec yes
compare 10
leave
serve nsec3 yes -3 -
compare 10
leave
serve opt-out no -3 aabb -H 5 -A
compare 5
leave
ages
finish
