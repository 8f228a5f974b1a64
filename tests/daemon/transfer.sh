#!/usr/bin/env bash
# NSD, Knot and BIND as secondaries of a zone with steered names: they pull it by AXFR with TSIG, come again by IXFR when
# NOTIFY tells them of a change, and then have record for record what isobard sends.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

zone=gtm.example.com

main() {
	world_open
	world_prepare
	sed -i '/ probe: /d' "$world/zones/steering.yaml"	# no backends here
	keys
	for peer in nsd knot bind; do
		world_port && ports[$peer]=$REPLY
	done
	cat >>"$world/zones/steering.yaml" <<-END
		zones:
		  $zone:
		    transfer:
		      - {from: [127.0.0.0/8], key: transfer.key}
		      - {from: [127.0.0.0/8], key: strong.key, transport: tls}
		    notify:
		      - {to: 127.0.0.1@${ports[nsd]}, key: transfer.key}
		      - {to: 127.0.0.1@${ports[knot]}, key: transfer.key}
		      - {to: 127.0.0.1@${ports[bind]}, key: transfer.key}
	END
	tls
	world_settings="pae: external
tsig-keys:
  transfer.key: {secret-file: $world/transfer.key}
  strong.key: {algorithm: hmac-sha512, secret-file: $world/strong.key}
tls: {listen: [127.0.0.1@$tls_port], certificate: $world/cert.pem, key: $world/key.pem}"
	holds "isobard gets ready" world_isobard
	signed_queries
	transfers
	incremental
	by_tls
	secondaries
	signed_copy
	finish
}

declare -A ports

keys() {
	(
		umask 077
		tsig-keygen -a hmac-sha256 transfer.key >"$world/transfer.key"
		head -c 64 /dev/urandom | base64 -w 0 >"$world/strong.key"
	)
	secret=$(sed -n 's/.*secret "\(.*\)";/\1/p' "$world/transfer.key")
	signed=hmac-sha256:transfer.key:$secret
	strong=hmac-sha512:strong.key:$(cat "$world/strong.key")
	wrong=hmac-sha256:transfer.key:$(head -c 32 /dev/urandom | base64 -w 0)
}

tls() {
	world_port && tls_port=$REPLY
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-keyout "$world/key.pem" -out "$world/cert.pem" 2>/dev/null
	chmod 600 "$world/key.pem"
}

ask() {	# ARGUMENTS of dig
	dig @127.0.0.1 -p "$dns_port" +tries=2 +time=2 "$@"
}

# ---- TSIG ------------------------------------------------------------------------------------------------------------

status_of() {	# what dig said
	sed -n 's/.*status: \([A-Z]*\),.*/\1/p' <<<"$1" | head -n 1
}

signed_queries() {
	local transport said
	for transport in +notcp +tcp; do
		said=$(ask $transport -y "$signed" "$zone" SOA)
		same "a signed query by $transport is answered" "$(status_of "$said")" NOERROR
		holds "and signed" grep -q 'TSIG.*NOERROR' <<<"$said"
		same "and dig believes it" "$(grep -c "Couldn't verify\|could not be validated" <<<"$said")" 0
	done
	said=$(kdig @127.0.0.1 -p "$tls_port" +tls -y "$strong" "$zone" SOA)
	holds "a signed query by TLS" grep -q 'TSIG PSEUDOSECTION' <<<"$said"
	same "and kdig believes it" "$(grep -ci "failed to verify" <<<"$said")" 0
	said=$(ask -y "$wrong" "$zone" SOA 2>&1)
	same "a wrong secret" "$(status_of "$said")" NOTAUTH
	holds "is told so" grep -q BADSIG <<<"$said"
	said=$(ask -y "hmac-sha256:nobody.key:$secret" "$zone" SOA 2>&1)
	same "an unknown key" "$(status_of "$said")" NOTAUTH
	holds "is told so, too" grep -q BADKEY <<<"$said"
}

# ---- kdig and dig ----------------------------------------------------------------------------------------------------

axfr() {	# PORT [ARGUMENTS]: its records, sorted
	local port=$1
	shift
	dig @127.0.0.1 -p "$port" +noall +answer +onesoa +time=5 -y "$signed" "$@" "$zone" AXFR | sed 's/[[:space:]]\+/ /g' |
		grep -v '^;' | sort
}

has_zone() {
	[ -n "$(axfr "$dns_port")" ]
}

transfers() {
	local said
	world_await 10 has_zone
	said=$(ask "$zone" AXFR)
	holds "without a key it's refused" grep -q "Transfer failed" <<<"$said"
	said=$(kdig @127.0.0.1 -p "$dns_port" -y "$signed" "$zone" AXFR 2>&1)
	same "kdig takes the zone" "$(grep -c "SOA" <<<"$said")" 2
	holds "with the region records" grep -q "^eu-west\._region\.www\.$zone" <<<"$said"
	holds "and records under the steered name" grep -q "^www\.$zone" <<<"$said"
}

serial_of() {	# PORT
	dig @127.0.0.1 -p "$1" +short +tries=1 +time=1 "$zone" SOA | cut -d ' ' -f 3
}

is_at() {	# PORT SERIAL
	[ "$(serial_of "$1")" = "$2" ]
}

incremental() {
	local before said
	before=$(serial_of "$dns_port")
	same "who has the serial gets the SOA" "$(ask +noall +answer -y "$signed" "$zone" "IXFR=$before" | grep -c SOA)" 1
	holds "changed is set" world_ctl record set "$zone" changed A 192.0.2.77 --ttl 300
	holds "a change raises the serial" world_await 10 is_at "$dns_port" $((before + 1))
	said=$(ask +noall +answer -y "$signed" +tcp "$zone" "IXFR=$before" | sed 's/[[:space:]]\+/ /g')
	same "the difference is what was changed" "$(grep -vc SOA <<<"$said") $(grep -c SOA <<<"$said")" "1 4"
	same "also by UDP, where it fits" "$(ask +noall +answer -y "$signed" +notcp "$zone" "IXFR=$before" | wc -l)" 5
	holds "from an unknown serial it's the zone" test "$(ask +noall +answer -y "$signed" "$zone" IXFR=1 | wc -l)" -gt 20
}

by_tls() {
	local said
	said=$(kdig @127.0.0.1 -p "$dns_port" -y "$strong" "$zone" AXFR 2>&1)
	holds "a rule for TLS doesn't hold by TCP" grep -q REFUSED <<<"$said"
	said=$(kdig @127.0.0.1 -p "$tls_port" +tls -y "$strong" "$zone" AXFR 2>&1)
	same "but by TLS" "$(grep -c "SOA" <<<"$said")" 2
}

# ---- NSD, Knot, BIND -------------------------------------------------------------------------------------------------

nsd_peer() {
	cat >"$world/nsd.conf" <<-END
		server:
		  ip-address: 127.0.0.1@${ports[nsd]}
		  username: "$(id -un)"
		  zonesdir: "$world"
		  database: ""
		  pidfile: ""
		  xfrdfile: "$world/xfrd"
		  zonelistfile: "$world/zone.list"
		  xfrdir: "$world"
		remote-control:
		  control-enable: no
		key:
		  name: transfer.key
		  algorithm: hmac-sha256
		  secret: "$secret"
		zone:
		  name: $zone
		  zonefile: "$world/nsd.zone"
		  request-xfr: 127.0.0.1@$dns_port transfer.key
		  allow-notify: 127.0.0.1 transfer.key
		  provide-xfr: 127.0.0.1 transfer.key
	END
	world_start nsd nsd -d -c "$world/nsd.conf"
}

knot_peer() {
	mkdir -p "$world/knot"
	cat >"$world/knot.conf" <<-END
		server:
		    listen: 127.0.0.1@${ports[knot]}
		    rundir: $world/knot
		database:
		    storage: $world/knot
		log:
		  - target: stderr
		    any: info
		key:
		  - id: transfer.key
		    algorithm: hmac-sha256
		    secret: $secret
		remote:
		  - id: isobard
		    address: 127.0.0.1@$dns_port
		    key: transfer.key
		acl:
		  - id: notify
		    address: 127.0.0.1
		    key: transfer.key
		    action: [notify, transfer]
		zone:
		  - domain: $zone
		    storage: $world/knot
		    master: isobard
		    acl: notify
	END
	world_start knot knotd -c "$world/knot.conf"
}

bind_peer() {
	mkdir -p "$world/bind"
	cat >"$world/bind/named.conf" <<-END
		include "$world/transfer.key";
		options {
		    directory "$world/bind";
		    pid-file none;
		    session-keyfile none;
		    listen-on port ${ports[bind]} { 127.0.0.1; };
		    listen-on-v6 { none; };
		    recursion no;
		    dnssec-validation no;
		};
		controls { };
		server 127.0.0.1 { keys { transfer.key; }; };
		zone "$zone" {
		    type secondary;
		    file "zone";
		    masterfile-format text;
		    primaries { 127.0.0.1 port $dns_port key transfer.key; };
		    allow-notify { key transfer.key; };
		    allow-transfer { key transfer.key; };
		};
	END
	world_start bind named -g -c "$world/bind/named.conf"
}

alike() {	# PORT
	[ "$(axfr "$1")" = "$(axfr "$dns_port")" ]
}

secondaries() {
	local peer serial
	nsd_peer
	knot_peer
	bind_peer
	serial=$(serial_of "$dns_port")
	for peer in nsd knot bind; do
		holds "$peer has the zone" world_await 15 is_at "${ports[$peer]}" "$serial"
		holds "$peer has it record for record" world_await 5 alike "${ports[$peer]}"
	done
	holds "later is set" world_ctl record set "$zone" later A 192.0.2.78 --ttl 300
	for peer in nsd knot bind; do
		holds "NOTIFY makes $peer come again" world_await 15 is_at "${ports[$peer]}" $((serial + 1))
		holds "$peer is alike again" world_await 5 alike "${ports[$peer]}"
	done
	holds "Knot came by IXFR" grep -q "IXFR, incoming.*finished" "$world/log/knot"
	same "they answer the steered name alike" "$(for peer in nsd knot bind; do
		dig @127.0.0.1 -p "${ports[$peer]}" +short "www.$zone" A | sort | md5sum
	done | sort -u | wc -l)" 1
}

# ---- signed by isobard -----------------------------------------------------------------------------------------------

has_signatures() {
	axfr "$dns_port" | grep -q ' RRSIG '
}

verified() {	# PORT
	axfr "$1" >"$world/copy"
	ldns-verify-zone "$world/copy"
}

signed_copy() {
	local peer
	world_ctl export "$world/out" >/dev/null
	sed -i "s/^  $zone:\$/  $zone:\n    dnssec: on/" "$world/out/steering.yaml"
	holds "the zone is signed" world_ctl apply "$world/out"
	holds "and so is its copy" world_await 10 has_signatures
	holds "which is verified" verified "$dns_port"
	for peer in nsd knot bind; do
		holds "$peer is alike" world_await 15 alike "${ports[$peer]}"
		holds "$peer's copy is verified" verified "${ports[$peer]}"
	done
}

main "$@"
