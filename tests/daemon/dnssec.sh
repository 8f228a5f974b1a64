#!/usr/bin/env bash
# A zone that isobard signs, with steered names, before validators: unbound, BIND and Knot Resolver, each of them as a
# resolver of either region's clients, caching and denying by what they have cached (RFC 8198); delv, drill, and those that
# verify a zone whole. The parent zone is there, too, so that DS records change as they do in the world. Answers validate
# before, during and after a failure of regions, from NSEC to NSEC3, through rollovers of a ZSK, a KSK and the algorithm, and
# until the zone is unsigned. No question makes isobard sign.
# shellcheck disable=SC2317 # what world_await and holds call looks unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"
. "$ISOBAR_SOURCE/tests/daemon/resolvers.sh"

zone=gtm.example.com
declare -A sequence=([eu-west]=0 [us-east]=0)
declare -A clients=([eu]=127.1.0.1 [us]=127.2.0.1)

main() {
	world_open
	world_prepare
	rm "$world"/zones/*
	master_file >"$world/zones/$zone.zone"
	parent_file "" >"$world/zones/example.com.zone"
	steering nsec on >"$world/zones/steering.yaml"
	world_settings="pae: external"
	holds "isobard gets ready" world_isobard
	chain
	validates "at first"
	verifies nsec
	failover
	questions
	nsec3
	rollover
	import
	split
	algorithm
	restart
	unsigned
	large
	finish
}

master_file() {
	cat <<-END
		\$TTL 1
		@ IN SOA ns1 hostmaster 1 7200 900 1209600 1
		@ IN NS ns1
		@ IN MX 10 mail.$zone.
		ns1 IN A 127.0.0.1
		*.wild IN A 192.0.2.99
		alias IN CNAME www
		moved IN DNAME place
		x.place IN A 192.0.2.96
		a.b.ent IN A 192.0.2.98
		sub IN NS ns.sub
		ns.sub IN A 192.0.2.97
		eu-west._region.www 2 IN A 192.0.2.10
		eu-west._region.www IN AAAA 2001:db8:1::10
		us-east._region.www 2 IN A 198.51.100.10
		eu-west._region.*.any IN A 192.0.2.20
		eu-west._region.*.any IN TXT eu
		us-east._region.*.any IN A 198.51.100.20
	END
}

parent_file() {	# DS..., each of them RDATA
	local ds
	cat <<-END
		\$TTL 1
		@ IN SOA ns1 hostmaster 1 7200 900 1209600 1
		@ IN NS ns1
		ns1 IN A 127.0.0.1
		gtm IN NS ns1.gtm
		ns1.gtm IN A 127.0.0.1
	END
	for ds; do
		[ -z "$ds" ] || echo "gtm IN DS $ds"
	done
}

steering() {	# DENIAL STATE [MORE OF dnssec]
	cat <<-END
		regions: {eu-west: {}, us-east: {}}
		recovery: {hold-down: 0s, steps: [1]}
		client-groups:
		  eu: {networks: [127.1.0.0/16]}
		  us: {networks: [127.2.0.0/16]}
		services:
		  www.$zone:
		    sharding-policy: priority
		    regions: [eu-west, us-east]
		    when-all-down: nodata
		    ttl: {max: 1s}
		    residency:
		      - {clients: [eu], regions: [eu-west]}
		      - {clients: [us], regions: [us-east]}
		  "*.any.$zone":
		    sharding-policy: priority
		    regions: [eu-west, us-east]
		    when-all-down: nodata
		    residency:
		      - {clients: [eu], regions: [eu-west]}
		      - {clients: [us], regions: [us-east]}
		zones:
		  example.com: {dnssec: on}
		  $zone:
		    dnssec: {state: $2, denial: $1, key-ttl: 1s, propagation: 1s, parent-ttl: 1s${3:+, $3}}
		    region-records: hidden
	END
}

# ---- keys ------------------------------------------------------------------------------------------------------------

keys() {	# FILTER of jq over the zone's keys [ZONE]
	world_get "/v1/keys?zone=${2-$zone}" | jq -r "[.zones[].keys[]] | $1"
}

key_is() {	# TAG STATE
	[ "$(keys ".[] | select(.tag == $1) | .state")" = "$2" ]
}

newest() {	# ROLE; its tag
	keys "map(select(.role == \"$1\" and .state != \"removed\")) | max_by(.published) | .tag"
}

# The parent gets the DS of these keys, or none.
parent_has() {	# TAG...
	local tag ds=()
	for tag; do
		ds+=("$(keys ".[] | select(.tag == $tag) | .ds")")
	done
	parent_file "${ds[@]}" >"$world/zones/example.com.zone"
	world_ctl zone import "$world/zones/example.com.zone" example.com
}

# ---- validators ------------------------------------------------------------------------------------------------------

# What each client gets: of its own region, and of the zone.
expected() {	# CLIENT; lines of NAME TYPE ad RCODE ANSWERS
	local www=192.0.2.10 six=" 2001:db8:1::10" any=192.0.2.20 text=" \"eu\""
	[ "$1" = eu ] || www=198.51.100.10 six='' any=198.51.100.20 text=''
	[ "$1" != "$dead" ] || www='' six=''
	cat <<-END
		www.$zone. A ad NOERROR${www:+ $www}
		www.$zone. AAAA ad NOERROR$six
		www.$zone. MX ad NOERROR
		alias.$zone. A ad NOERROR${www:+ $www}
		any.thing.wild.$zone. A ad NOERROR 192.0.2.99
		thing.wild.$zone. MX ad NOERROR
		nothing.$zone. A ad NXDOMAIN
		steered.any.$zone. A ad NOERROR $any
		other.steered.any.$zone. TXT ad NOERROR$text
		steered.any.$zone. MX ad NOERROR
		any.$zone. A ad NOERROR
		b.ent.$zone. A ad NOERROR
		x.moved.$zone. A ad NOERROR 192.0.2.96
		eu-west._region.www.$zone. A ad NXDOMAIN
		sub.$zone. DS ad NOERROR
		$zone. MX ad NOERROR 10
	END
}

dead=none

# Every resolver, for clients of each region; what they have cached may be old for a while, but it validates.
validates() {	# WHEN
	local kind client differs pids=()
	for client in eu us; do
		expected $client >"$world/expected-$client"
		for kind in unbound bind knot; do
			world_await 10 agrees "$kind" "$client" &
			pids+=($!)
		done
	done
	wait "${pids[@]}"
	for client in eu us; do
		for kind in unbound bind knot; do
			differs=$(cat "$world/differs-$kind-${clients[$client]}")
			if [ -z "$differs" ]; then
				ok "$1: $kind, for a client of $client"
			else
				not_ok "$1: $kind, for a client of $client" "$differs"
			fi
		done
	done
}

# Sets a file `differs`. True also when waiting won't help: an answer that isn't validated is a failure at once.
agrees() {	# KIND CLIENT
	local name=$1-${clients[$2]}
	cut -d " " -f 1,2 "$world/expected-$2" | resolvers_ask "$name" >"$world/said-$name"
	diff "$world/expected-$2" "$world/said-$name" >"$world/differs-$name" || grep -qv " ad " "$world/said-$name"
}

# The chain of trust, from the parent's key on.
chain() {
	local kind client
	anchor_zone=example.com
	resolved_zones="$zone example.com"
	anchor=$(keys '.[0].dnskey' example.com)
	holds "the DS is for the parent" world_await 20 world_ctl key ds "$zone"
	holds "the parent has it" parent_has "$(newest csk)"
	holds "that is said" world_ctl key seen "$zone"
	same "the key is active" "$(keys '.[0].state')" active
	for client in eu us; do
		for kind in unbound bind knot; do
			resolver_start $kind "${clients[$client]}"
		done
	done
	holds "the resolvers are ready" world_await 30 resolvers_answer
	printf 'trust-anchors { example.com. static-key %s "%s"; };\n' "${anchor% *}" "${anchor##* }" >"$world/anchors"
	echo "example.com. IN DNSKEY $anchor" >"$world/anchor.key"
}

ask() {	# CLIENT NAME TYPE
	verdict=$(delv "@127.0.0.1" -p "$dns_port" -b "$1" -a "$world/anchors" +root="${zone#gtm.}" "$2.$zone" "$3" 2>&1)
}

gets() {	# NAME CLIENT NAME TYPE ANSWER
	ask "$2" "$3" "$4"
	if [[ $verdict == *"fully validated"*"$5"* ]]; then
		ok "$1"
	else
		not_ok "$1" "$verdict"
	fi
}

denied() {	# NAME CLIENT NAME TYPE KIND
	ask "$2" "$3" "$4"
	if [[ $verdict == *"resolution failed: $5"*"fully validated"* ]]; then
		ok "$1"
	else
		not_ok "$1" "$verdict"
	fi
}

# delv and drill ask isobard itself; the others read the zone whole.
verifies() {	# DENIAL
	gets "$1: delv, for a client of us-east" 127.2.0.1 www A 198.51.100.10
	denied "$1: delv, no type" 127.2.0.1 www AAAA "ncache nxrrset"
	denied "$1: delv, no name" 127.1.0.1 nothing A "ncache nxdomain"
	chased "$1: drill, an address" ns1 A
	chased "$1: drill, an alias" alias A
}

chased() {	# NAME NAME TYPE
	drill -S -k "$world/anchor.key" -p "$dns_port" @127.0.0.1 "$2.$zone" "$3" >"$world/drill" 2>&1
	holds "$1" grep -q "^;; Chase successful" "$world/drill"
}

report() {	# REGION HEALTHY
	sequence[$1]=$((sequence[$1] + 1))
	world_post "/v1/regions/$1/reports" "{\"agent\": \"x\", \"sequence\": ${sequence[$1]},
		\"time\": \"$(date -u +%FT%TZ)\",
		\"backends\": [{\"name\": \"b\", \"service\": \"www.$zone\", \"address\": \"127.0.0.11:80\", \"healthy\": $2}]}" >/dev/null
}

metric() {	# NAME
	curl -sf --unix-socket "$api_socket" http://isobard/metrics | awk -v name="$1" '$1 == name { print $2 }'
}

# ---- what is tested --------------------------------------------------------------------------------------------------

sealed() {	# whether private keys in the store are
	sqlite3 "$store" "SELECT DISTINCT private LIKE 'Isobar-sealed-key%' FROM zone_key"
}

salt() {
	sqlite3 "$store" "SELECT DISTINCT substr(private, 23, 40) FROM zone_key"
}

failover() {
	holds "a region reports its death" report eu-west false
	dead=eu
	validates "a region is down"
	denied "all down: delv" 127.1.0.1 www A "ncache nxrrset"
	denied "all down: a type that none has" 127.1.0.1 www MX "ncache nxrrset"
	denied "all down: by an alias" 127.1.0.1 alias AAAA "ncache nxrrset"
	for _ in 1 2 3; do
		report eu-west true
	done
	dead=none
	validates "the region is back"
}

# Random names and types, with DO: not one signature is made.
questions() {
	local before name types=(A AAAA MX TXT DS DNSKEY RRSIG NSEC ANY TYPE65500) names=(www alias wild x.wild nothing ent "" sub)
	before=$(metric isobar_signatures_made_total)
	for ((i = 0; i < 3000; i++)); do
		name=${names[RANDOM % ${#names[@]}]}
		echo "$([ $((i % 3)) = 0 ] || echo "r$RANDOM.")${name:+$name.}$zone. ${types[RANDOM % ${#types[@]}]}"
	done >"$world/questions"
	dnsperf -s 127.0.0.1 -p "$dns_port" -d "$world/questions" -n 2 -D -q 50 >"$world/dnsperf" 2>&1
	holds "6000 questions are answered" grep -q "Queries completed: *6000 " "$world/dnsperf"
	same "no question makes a signature" "$(metric isobar_signatures_made_total)" "$before"
	holds "signatures are counted" test "$before" -gt 10
}

nsec3() {
	steering nsec3 on >"$world/zones/steering.yaml"
	holds "the zone is signed with NSEC3 while it's served" world_ctl apply "$world/zones"
	validates "with NSEC3"
	verifies nsec3
}

# One after the other: a new CSK, one of BIND's, a KSK and a ZSK in its place, another ZSK.
rollover() {
	local old new
	old=$(newest csk)
	holds "a rollover begins" world_ctl key roll "$zone"
	new=$(newest csk)
	validates "with two keys"
	replaced "the new key" "$old" "$new"
	same "the DS is told" "$(world_ctl key ds "$zone" | awk '{ print $4 }')" "$new"
	same "CDS says the same" "$(cds)" "$new"
	holds "the rollover is in the journal" eval "world_ctl audit | grep -q 'key.ds-seen'"
}

cds() {
	dig "@127.0.0.1" -p "$dns_port" +short "$zone" CDS | awk '{ print $1 }'
}

# From when the parent is to have the DS of the new key until the old one is removed.
replaced() {	# WHO OLD NEW
	holds "$1: its DS is for the parent" world_await 30 key_is "$3" "waiting for DS"
	holds "$1: the parent has it" parent_has "$3"
	validates "$1: the new DS"
	holds "$1: that is said" world_ctl key seen "$zone" "$3"
	holds "$1: the old one is removed" world_await 30 key_is "$2" removed
	validates "$1: the old one is removed"
}

import() {
	local name old tag
	old=$(newest csk)
	name=$(cd "$world" && dnssec-keygen -q -a ECDSAP256SHA256 -f KSK "$zone")
	tag=$((10#${name##*+}))
	holds "a key of BIND's is imported" world_ctl key import "$zone" "$world/$name" csk
	same "it takes over by a rollover" "$(keys ".[] | select(.tag == $tag) | .state")" published
	holds "it's written back" world_ctl key export "$zone" "$tag" "$world/log"
	holds "who took it is in the journal" eval "world_ctl audit | grep -q 'key.export'"
	same "as it was" "$(grep PrivateKey "$world/log/$name.private")" "$(grep PrivateKey "$world/$name.private")"
	replaced "the imported key" "$old" "$tag"
}

split() {
	local old new
	old=$(newest csk)
	steering nsec on "keys: split" >"$world/zones/steering.yaml"
	holds "a KSK and a ZSK, and NSEC" world_ctl apply "$world/zones"
	replaced "the KSK" "$old" "$(newest ksk)"
	old=$(newest zsk)
	holds "a new ZSK" world_ctl key roll "$zone" zsk
	new=$(newest zsk)
	validates "the new ZSK is published"
	holds "it signs" world_await 30 key_is "$new" active
	validates "the new ZSK signs"
	holds "the old one goes" world_await 30 key_is "$old" removed
	validates "the old ZSK is removed"
}

# The conservative way, since unbound is told to insist on signatures of every algorithm that the DS names.
algorithm() {
	local old new
	old=$(newest ksk)
	steering nsec on "keys: split, algorithm: ed25519" >"$world/zones/steering.yaml"
	holds "another algorithm" world_ctl apply "$world/zones"
	new=$(keys 'map(select(.algorithm == 15 and .role == "ksk")) | .[0].tag')
	same "it signs before its key is there" "$(keys ".[] | select(.tag == $new) | .state")" "signs ahead"
	same "beside the old one" "$(algorithms MX) / $(algorithms DNSKEY)" "13 15 / 13"
	validates "the new algorithm signs"
	holds "its keys are published" world_await 30 key_is "$new" published
	validates "its keys are published"
	replaced "the new algorithm" "$old" "$new"
	holds "the old signatures go" world_await 30 only_new
	validates "the old algorithm is withdrawn"
}

algorithms() {	# TYPE; those that sign it
	dig "@127.0.0.1" -p "$dns_port" +dnssec "$zone" "$1" | awk -v type="$1" '$4 == "RRSIG" && $5 == type { print $6 }' |
		sort -u | tr '\n' ' ' | sed 's/ $//'
}

only_new() {
	[ "$(algorithms MX) / $(algorithms DNSKEY)" = "15 / 15" ]
}

serial() {
	dig "@127.0.0.1" -p "$dns_port" +short "$zone" SOA | awk '{ print $3 }'
}

# With a passphrase for keys that were in the clear, and then with another one.
restart() {
	local before salt
	same "private keys are in the clear" "$(sealed)" 0
	before=$(serial)
	echo "a passphrase of the test's" >"$world/passphrase"
	world_settings="pae: external
dnssec: {passphrase-file: $world/passphrase}"
	world_stop isobard
	holds "isobard starts again" world_isobard
	holds "the serial has risen" test "$(serial)" -gt "$before"
	same "private keys are sealed in the store" "$(sealed)" 1
	validates "after a restart"
	salt=$(salt)
	echo "another one" >"$world/passphrase"
	holds "another passphrase" world_ctl reload
	same "seals the keys anew" "$(sealed)$([ "$(salt)" = "$salt" ] || echo ", otherwise")" "1, otherwise"
	holds "that is in the journal" eval "world_ctl audit | grep -q 'key.seal'"
	world_stop isobard
	holds "isobard opens them" world_isobard
}

# Not before the DS is gone: RFC 8078 section 4.
unsigned() {
	local kind
	steering nsec off >"$world/zones/steering.yaml"
	holds "a zone whose parent has its DS isn't unsigned at once" refused "can't be unsigned at once" apply "$world/zones"
	steering nsec removing "keys: split, algorithm: ed25519" >"$world/zones/steering.yaml"
	holds "the parent is asked to drop the DS" world_ctl apply "$world/zones"
	same "by CDS and CDNSKEY" "$(dig "@127.0.0.1" -p "$dns_port" +short "$zone" CDS "$zone" CDNSKEY | tr '\n' ' ')" \
		"0 0 0 00 0 3 0 AA== "
	holds "the keys say so" grep -q "waiting for DS to go" <(world_ctl key list "$zone")
	validates "while the DS is there"
	holds "the parent has dropped it" parent_has
	holds "that is said" world_ctl key gone "$zone"
	holds "the zone is unsigned" world_await 20 is_unsigned
	expected us | sed 's/ ad / /' >"$world/expected-us"
	for kind in unbound bind knot; do
		holds "$kind takes it" world_await 10 agrees_unsigned "$kind"
	done
	steering nsec on >"$world/zones/steering.yaml"
	holds "and signed again" world_ctl apply "$world/zones"
	same "with a new key" "$(keys 'map(select(.state != "removed")) | length')" 1
	holds "for which the parent is to have a DS" world_await 20 key_is "$(newest csk)" "waiting for DS"
}

refused() {	# WORDS ARGUMENTS of isobarctl
	local words=$1
	shift
	world_ctl "$@" 2>&1 | tee /dev/stderr | grep -q "$words"
}

is_unsigned() {
	[ "$(dig "@127.0.0.1" -p "$dns_port" +dnssec "www.$zone" A | grep -c RRSIG)" = 0 ]
}

agrees_unsigned() {	# KIND
	agrees "$1" us && [ ! -s "$world/differs-$1-${clients[us]}" ]
}

has_made_more_than() {	# SIGNATURES
	[ "$(metric isobar_signatures_made_total)" -gt "$1" ]
}

# Too large for the control thread, so a thread of its own signs it; meanwhile all else goes on.
large() {
	local applied made
	{
		echo "\$TTL 2"
		echo "@ IN SOA ns1.$zone. hostmaster 1 7200 900 1209600 2"
		echo "@ IN NS ns1.$zone."
		awk 'BEGIN { for (i = 0; i < 30000; i++) print "h" i " IN A 192.0.2." i % 250 }'
	} >"$world/zones/large.example.zone"
	echo "  large.example: {dnssec: {algorithm: ed25519, keys: split, denial: nsec3}}" >>"$world/zones/steering.yaml"
	made=$(metric isobar_signatures_made_total)
	world_ctl apply "$world/zones" >"$world/applied" 2>&1 &
	applied=$!
	holds "a large zone is being signed" world_await 20 has_made_more_than "$((made + 1000))"
	holds "a drain doesn't wait for that" world_ctl drain us-east --for 1m --force --reason test
	holds "a large zone is signed" wait "$applied"
	same "and comes after" "$(sqlite3 "$store" "SELECT action FROM journal ORDER BY revision DESC LIMIT 2" | tr '\n' ' ')" \
		"apply drain "
	zone=large.example
	printf 'trust-anchors { large.example. static-key %s; };\n' "$(keys '.[0].dnskey' | sed 's/[^ ]*$/"&"/')" >"$world/anchors"
	gets "a name of it" 127.1.0.1 h29999 A 192.0.2.249
	denied "no such name in it" 127.1.0.1 nothing A "ncache nxdomain"
	made=$(metric isobar_signatures_made_total)
	holds "a record of it is changed" world_ctl record set large.example h17 A 192.0.2.251
	gets "the changed record" 127.1.0.1 h17 A 192.0.2.251
	same "it costs few signatures" "$(($(metric isobar_signatures_made_total) - made))" 2	# its own, and the SOA's
}

main
