#!/usr/bin/env bash
# A zone that isobard signs, with steered names, before validators: delv for each region's clients, and unbound, which
# caches, and denies by what it has cached (RFC 8198). Answers validate before, during and after a failure of regions and a
# key rollover, in which the trust anchors move from the old key to the new one as a parent's DS does. No question makes
# isobard sign.
# shellcheck disable=SC2317 # what world_await and holds call looks unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

zone=gtm.example.com
declare -A sequence=([eu-west]=0 [us-east]=0)

main() {
	world_open
	world_prepare
	world_port && resolver_port=$REPLY
	rm "$world"/zones/*
	master_file >"$world/zones/$zone.zone"
	steering nsec on >"$world/zones/steering.yaml"
	echo "a passphrase of the test's" >"$world/passphrase"
	world_settings="pae: external
dnssec: {passphrase-file: $world/passphrase}"
	holds "isobard gets ready" world_isobard
	sealed
	anchors
	validates "at first"
	failover
	questions
	nsec3
	rollover
	restart
	import
	unsigned
	large
	finish
}

master_file() {
	cat <<-END
		\$TTL 2
		@ IN SOA ns1 hostmaster 1 7200 900 1209600 2
		@ IN NS ns1
		@ IN MX 10 mail.$zone.
		ns1 IN A 127.0.0.1
		*.wild IN A 192.0.2.99
		alias IN CNAME www
		a.b.ent IN A 192.0.2.98
		sub IN NS ns.sub
		ns.sub IN A 192.0.2.97
		eu-west._region.www IN A 192.0.2.10
		eu-west._region.www IN AAAA 2001:db8:1::10
		us-east._region.www IN A 198.51.100.10
	END
}

steering() {	# DENIAL STATE
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
		    residency:
		      - {clients: [eu], regions: [eu-west]}
		      - {clients: [us], regions: [us-east]}
		zones:
		  $zone:
		    dnssec: {state: $2, denial: $1, key-ttl: 1s, propagation: 1s, parent-ttl: 1s}
		    region-records: hidden
	END
}

# ---- tools -----------------------------------------------------------------------------------------------------------

keys() {	# FILTER of jq over the zone's keys
	world_get "/v1/keys?zone=$zone" | jq -r "[.zones[].keys[]] | $1"
}

# The keys that a parent would have a DS of: those given, or all.
anchors() {	# [TAG]
	keys ".[] | select(.role != \"zsk\" and (\"${1-}\" == \"\" or .tag == ${1:-0})) | .dnskey" |
		while read -r flags protocol algorithm key; do
			printf '%s. static-key %s %s %s "%s";\n' "$zone" "$flags" "$protocol" "$algorithm" "$key"
		done >"$world/static"
	{ echo "trust-anchors {" && cat "$world/static" && echo "};"; } >"$world/anchors"
	keys ".[] | select(\"${1-}\" == \"\" or .tag == ${1:-0}) | .dnskey" | sed "s/^/$zone. IN DNSKEY /" >"$world/unbound-anchors"
}

ask() {	# CLIENT NAME TYPE; sets said
	said=$(delv "@127.0.0.1" -p "$dns_port" -b "$1" -a "$world/anchors" +root="$zone" +short "$2.$zone" "$3" 2>&1)
	verdict=$(delv "@127.0.0.1" -p "$dns_port" -b "$1" -a "$world/anchors" +root="$zone" "$2.$zone" "$3" 2>&1)
}

gets() {	# NAME CLIENT NAME TYPE ANSWER
	ask "$2" "$3" "$4"
	if [[ $verdict == *"fully validated"* ]] && [[ "$said" == *"$5"* ]]; then
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

# Everything there is to ask, for clients of both regions.
validates() {	# WHEN
	gets "$1: a client of eu-west" 127.1.0.1 www A 192.0.2.10
	gets "$1: a client of us-east" 127.2.0.1 www A 198.51.100.10
	gets "$1: a type that one region has" 127.1.0.1 www AAAA 2001:db8:1::10
	denied "$1: a type that the client's region hasn't" 127.2.0.1 www AAAA "ncache nxrrset"
	denied "$1: a type that no region has" 127.1.0.1 www MX "ncache nxrrset"
	gets "$1: an alias to a steered name" 127.2.0.1 alias A 198.51.100.10
	gets "$1: a wildcard" 127.1.0.1 any.thing.wild A 192.0.2.99
	denied "$1: a wildcard without the type" 127.1.0.1 thing.wild MX "ncache nxrrset"
	denied "$1: no such name" 127.1.0.1 nothing A "ncache nxdomain"
	denied "$1: an empty name" 127.1.0.1 b.ent A "ncache nxrrset"
	denied "$1: a hidden region record" 127.1.0.1 eu-west._region.www A "ncache nxdomain"
	denied "$1: a delegation without DS" 127.1.0.1 sub DS "ncache nxrrset"
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

sealed() {
	same "private keys are sealed in the store" "$(sqlite3 "$store" "SELECT private LIKE 'Isobar-sealed-key%' FROM zone_key")" 1
}

resolver() {
	cat >"$world/unbound.conf" <<-END
		server:
		    interface: 127.0.0.1@$resolver_port
		    outgoing-interface: 127.1.0.1
		    username: ""
		    chroot: ""
		    directory: "$world"
		    pidfile: ""
		    num-threads: 1
		    do-not-query-localhost: no
		    module-config: "validator iterator"
		    trust-anchor-file: "$world/unbound-anchors"
		    aggressive-nsec: yes
		    use-syslog: no
		remote-control:
		    control-enable: no
		stub-zone:
		    name: $zone
		    stub-addr: 127.0.0.1@$dns_port
		    stub-prime: no
	END
	world_start unbound unbound -d -c "$world/unbound.conf"
}

# What the resolver says: "ad RCODE ANSWER", without ad when it isn't validated.
resolved() {	# NAME TYPE
	dig "@127.0.0.1" -p "$resolver_port" +dnssec +tries=1 +time=3 "$1.$zone" "$2" |
		awk -v type="$2" '/^;; ->>HEADER/ { sub(",", "", $6); rcode = $6 } /^;; flags:.* ad[ ;]/ { ad = "ad " }
			$4 == type && /^[^;]/ { answer = " " $5 } END { print ad rcode answer }'
}

resolves() {	# NAME TYPE EXPECTED
	[ "$(resolved "$1" "$2")" = "$3" ]
}

failover() {
	resolver
	holds "unbound validates a steered answer" world_await 20 resolves www A "ad NOERROR 192.0.2.10"
	holds "unbound denies another type" resolves www MX "ad NOERROR"
	holds "unbound denies a name" resolves nothing A "ad NXDOMAIN"
	holds "a region reports its death" report eu-west false
	holds "unbound learns that all are down" world_await 20 resolves www A "ad NOERROR"
	denied "all down" 127.1.0.1 www A "ncache nxrrset"
	gets "the other region goes on" 127.2.0.1 www A 198.51.100.10
	denied "all down: a type that none has" 127.1.0.1 www MX "ncache nxrrset"
	denied "all down: by an alias" 127.1.0.1 alias AAAA "ncache nxrrset"
	for _ in 1 2 3; do
		report eu-west true
	done
	holds "the region is back, and no cached denial stands in the way" world_await 60 resolves www A "ad NOERROR 192.0.2.10"
	validates "after a failure"
	world_stop unbound
}

# Random names and types, with DO: not one signature is made.
questions() {
	local before types=(A AAAA MX TXT DS DNSKEY RRSIG NSEC ANY TYPE65500) names=(www alias wild x.wild nothing ent "" sub)
	before=$(metric isobar_signatures_made_total)
	for ((i = 0; i < 3000; i++)); do
		printf '%s%s%s. %s\n' "$([ $((i % 3)) = 0 ] || printf 'r%s.' "$RANDOM")" \
			"${names[RANDOM % ${#names[@]}]:+${names[RANDOM % ${#names[@]}]:-www}.}" "$zone" "${types[RANDOM % ${#types[@]}]}"
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
}

rollover() {
	local old new
	old=$(keys '.[0].tag')
	anchors
	holds "the DS is for the parent" world_await 20 world_ctl key ds "$zone"
	holds "the parent has it" world_ctl key seen "$zone"
	same "the key is active" "$(keys '.[0].state')" active
	holds "a rollover begins" world_ctl key roll "$zone"
	new=$(keys '.[1].tag')
	gets "with two keys" 127.1.0.1 www A 192.0.2.10
	holds "the new key's DS is for the parent" world_await 30 waits "$new"
	anchors "$old"
	gets "by the old DS" 127.1.0.1 www A 192.0.2.10
	anchors "$new"
	validates "by the new DS"
	same "the DS is told" "$(world_ctl key ds "$zone" | awk '{ print $4 }')" "$new"
	same "CDS says the same" "$(dig "@127.0.0.1" -p "$dns_port" +short "$zone" CDS | awk '{ print $1 }')" "$new"
	holds "the parent has the new one" world_ctl key seen "$zone" "$new"
	holds "the old key is removed" world_await 30 alone "$new"
	validates "after a rollover"
	holds "the rollover is in the journal" eval "world_ctl audit | grep -q 'key.ds-seen'"
}

waits() {	# TAG
	[ "$(keys ".[] | select(.tag == $1) | .state")" = "waiting for DS" ]
}

alone() {	# TAG
	[ "$(dig "@127.0.0.1" -p "$dns_port" +short "$zone" DNSKEY | wc -l)" = 1 ] &&
		[ "$(keys '.[] | select(.state == "active") | .tag')" = "$1" ]
}

serial() {
	dig "@127.0.0.1" -p "$dns_port" +short "$zone" SOA | awk '{ print $3 }'
}

restart() {
	local before
	before=$(serial)
	world_stop isobard
	holds "isobard starts again" world_isobard
	holds "the serial has risen" test "$(serial)" -gt "$before"
	gets "the same key signs after a restart" 127.1.0.1 www A 192.0.2.10
}

import() {
	local name
	name=$(cd "$world" && dnssec-keygen -q -a ED25519 -f KSK "$zone")
	holds "a key of BIND's is imported" world_ctl key import "$zone" "$world/$name" csk
	same "it takes over by a rollover" "$(keys "map(select(.tag == ${name##*+})) | .[0].state")" published
	holds "it's written back" world_ctl key export "$zone" "$((10#${name##*+}))" "$world/log"
	same "as it was" "$(grep PrivateKey "$world/log/$name.private")" "$(grep PrivateKey "$world/$name.private")"
}

unsigned() {
	steering nsec off >"$world/zones/steering.yaml"
	holds "the zone is unsigned while it's served" world_ctl apply "$world/zones"
	same "no signatures" "$(dig "@127.0.0.1" -p "$dns_port" +dnssec "www.$zone" A | grep -c RRSIG)" 0
	steering nsec on >"$world/zones/steering.yaml"
	holds "and signed again" world_ctl apply "$world/zones"
	anchors
	gets "with the keys that there were" 127.1.0.1 www A 192.0.2.10
}

# Too large for the control thread, so a thread of its own signs it; meanwhile all else goes on.
large() {
	local i made
	{
		echo "\$TTL 2"
		echo "@ IN SOA ns1.$zone. hostmaster 1 7200 900 1209600 2"
		echo "@ IN NS ns1.$zone."
		for ((i = 0; i < 6000; i++)); do
			echo "h$i IN A 192.0.2.$((i % 250))"
		done
	} >"$world/zones/large.example.zone"
	steering nsec off >"$world/zones/steering.yaml"	# its keys roll, and would be counted
	echo "  large.example: {dnssec: {algorithm: ed25519, keys: split, denial: nsec3}}" >>"$world/zones/steering.yaml"
	holds "a large zone is signed" world_ctl apply "$world/zones"
	zone=large.example
	anchors
	gets "a name of it" 127.1.0.1 h5999 A 192.0.2.249
	denied "no such name in it" 127.1.0.1 nothing A "ncache nxdomain"
	made=$(metric isobar_signatures_made_total)
	holds "a record of it is changed" world_ctl record set large.example h17 A 192.0.2.251
	gets "the changed record" 127.1.0.1 h17 A 192.0.2.251
	same "it costs few signatures" "$(($(metric isobar_signatures_made_total) - made))" 2	# its own, and the SOA's
}

main
