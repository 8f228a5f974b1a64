#!/usr/bin/env bash
# DNS UPDATE by real clients: nsupdate and knsupdate with TSIG, by UDP and TCP; the message orders of ACME clients and of
# external-dns. What is acknowledged is live, in the journal, signed, with the secondary, and outlives a kill -9.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

zone=gtm.example.com
acme=_acme-challenge.$zone

main() {
	world_open
	world_prepare
	sed -i '/ probe: /d' "$world/zones/steering.yaml"	# no backends here
	keys
	world_port && nsd_port=$REPLY
	world_port && tls_port=$REPLY
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-keyout "$world/key.pem" -out "$world/cert.pem" 2>/dev/null
	chmod 600 "$world/key.pem"
	cat >>"$world/zones/steering.yaml" <<-END
		zones:
		  $zone:
		    transfer:
		      - {from: [127.0.0.0/8], key: admin.key}
		    notify:
		      - {to: 127.0.0.1@$nsd_port, key: admin.key}
		    update:
		      - {key: admin.key}
		      - {key: acme.key, names: [_acme-challenge, "_acme-challenge.*"], types: [TXT]}
		      - {key: tls.key, names: [private], transport: tls}
		      - {from: [127.0.0.7/32], unsigned: accepted, names: ["*.dyn"], types: [A]}
	END
	world_settings="pae: external
tsig-keys:
  admin.key: {secret-file: $world/admin.key}
  acme.key: {algorithm: hmac-sha512, secret-file: $world/acme.key}
  tls.key: {secret-file: $world/tls.key}
tls: {listen: [127.0.0.1@$tls_port], certificate: $world/cert.pem, key: $world/key.pem}"
	holds "isobard gets ready" world_isobard
	basics -v
	basics
	prerequisites
	refusals
	unsigned_rule
	certbot
	external_dns
	knot_client
	by_tls
	repeated
	journal
	durable
	many
	secondary
	signed
	counted
	storeless
	finish
}

keys() {
	(
		umask 077
		tsig-keygen -a hmac-sha256 admin.key >"$world/admin.key"
		tsig-keygen -a hmac-sha512 acme.key >"$world/acme.key"
		tsig-keygen -a hmac-sha256 tls.key >"$world/tls.key"
		tsig-keygen -a hmac-sha256 admin.key >"$world/wrong.key"
		sed 's/admin.key/nobody.key/' "$world/admin.key" >"$world/nobody.key"
	)
	secret=$(sed -n 's/.*secret "\(.*\)";/\1/p' "$world/admin.key")
	admin=hmac-sha256:admin.key:$secret
}

ask() {	# ARGUMENTS of dig
	dig @127.0.0.1 -p "$dns_port" +tries=2 +time=2 "$@"
}

answers() {	# NAME TYPE: its data, sorted, in one line
	ask +short "$@" | sort | tr '\n' ' ' | sed 's/ $//'
}

# The lines on its input, then "send". said: what it said; status: its own.
update() {	# KEY [ARGUMENTS of nsupdate]
	local key=$1
	shift
	said=$({
		echo "server 127.0.0.1 $dns_port"
		echo "zone $zone"
		echo "check-names no"
		cat
		echo send
	} | nsupdate ${key:+-k "$world/$key.key"} -t 10 "$@" 2>&1)
	status=$?
}

refused() {	# NAME RCODE KEY LINES
	local name=$1 rcode=$2 key=$3
	update "$key" <<<"$4"
	holds "$name" grep -q "update failed: $rcode\|$rcode" <<<"$said"
	same "$name, and nsupdate fails" "$status" 2
}

send_update() {	# udp|twice|tls PORT SECONDS NAME KEY
	"$ISOBAR_BUILD/tests/tools/send_update" "$1" 127.0.0.1 "$2" "$world/$5" "$3" "$zone" "$4" 192.0.2.99 2>&1
}

# ---- adding and deleting ---------------------------------------------------------------------------------------------

basics() {	# [-v]: by TCP
	local by=by\ ${1:+TCP} before first
	[ -n "${1-}" ] || by="by UDP"
	before=$(serial)
	first=$before
	update admin ${1+"$1"} <<-END
		update add new.$zone 300 A 192.0.2.1
		update add new.$zone 300 A 192.0.2.2
		update add new.$zone 300 TXT "by nsupdate"
	END
	same "records are added $by" "$status:$said" 0:
	same "and answered, when nsupdate is told" "$(answers "new.$zone" A)" "192.0.2.1 192.0.2.2"
	holds "the serial is one more" world_await 5 serial_is $((before + 1))
	update admin ${1+"$1"} <<<"update delete new.$zone A 192.0.2.1"
	same "one of them is deleted $by" "$status $(answers "new.$zone" A)" "0 192.0.2.2"
	update admin ${1+"$1"} <<-END
		update delete new.$zone A
		update add new.$zone 60 A 192.0.2.3
	END
	same "an RRset is replaced $by" "$status $(answers "new.$zone" A)" "0 192.0.2.3"
	update admin ${1+"$1"} <<<"update delete new.$zone"
	same "a name is deleted $by" "$status $(ask "new.$zone" | sed -n 's/.*status: \([A-Z]*\),.*/\1/p')" "0 NXDOMAIN"
	world_await 5 serial_is $((before + 4))
	before=$(rows length)
	update admin ${1+"$1"} <<<"update delete new.$zone"
	same "what changes nothing is acknowledged $by" "$status $(rows length)" "0 $before"
	same "and there's a serial for each that does" "$(serial)" $((first + 4))
}

serial() {
	ask +short "$zone" SOA | cut -d ' ' -f 3
}

serial_is() {	# SERIAL
	[ "$(serial)" = "$1" ]
}

prerequisites() {
	update admin <<-END
		prereq nxdomain once.$zone
		update add once.$zone 60 A 192.0.2.4
	END
	same "a name that isn't in use" "$status $(answers "once.$zone" A)" "0 192.0.2.4"
	refused "a name that is" YXDOMAIN admin "prereq nxdomain once.$zone
update add once.$zone 60 A 192.0.2.5"
	refused "an RRset that isn't there" NXRRSET admin "prereq yxrrset once.$zone AAAA
update add once.$zone 60 A 192.0.2.5"
	refused "an RRset that is" YXRRSET admin "prereq nxrrset once.$zone A
update add once.$zone 60 A 192.0.2.5"
	refused "a name that isn't there" NXDOMAIN admin "prereq yxdomain never.$zone
update add once.$zone 60 A 192.0.2.5"
	same "none of them changed anything" "$(answers "once.$zone" A)" 192.0.2.4
	update admin <<-END
		prereq yxrrset once.$zone A 192.0.2.4
		update delete once.$zone A
	END
	same "an RRset of just these records" "$status $(answers "once.$zone" A)" "0 "
}

# ---- who mayn't, and what --------------------------------------------------------------------------------------------

refusals() {
	local line="update add no.$zone 60 A 192.0.2.6" records
	refused "without a key" REFUSED "" "$line"
	refused "a wrong secret" "NOTAUTH(BADSIG)\|NOTAUTH\|BADSIG" wrong "$line"
	refused "an unknown key" "NOTAUTH(BADKEY)\|NOTAUTH\|BADKEY" nobody "$line"
	refused "a key for other names" REFUSED acme "$line"
	refused "a key for other types" REFUSED acme "update add $acme 60 A 192.0.2.6"
	refused "a key for neither, together with what it may" REFUSED acme "update add $acme 60 TXT yes
$line"
	same "and none of it was done" "$(answers "$acme" TXT)" ""
	refused "a steered name" REFUSED admin "update add www.$zone 60 A 192.0.2.6"
	refused "the records of its regions" REFUSED admin "update add eu-west._region.www.$zone 60 A 192.0.2.6"
	refused "NS of the apex, without a rule that names it" REFUSED admin "update add $zone 60 NS ns9.$zone."
	records="update add chain.$zone 60 CNAME ns1.$zone.
update add chain.$zone 60 A 192.0.2.6"
	update admin <<<"$records"
	same "what RFC 2136 leaves out silently" "$status $(answers "chain.$zone" A)" "0 127.0.0.1 ns1.$zone."
	update admin <<<"update delete chain.$zone"
	refused "a zone that isn't here" NOTAUTH admin "zone example.net
update add www.example.net 60 A 192.0.2.6"
	late_clock
	same "nothing of it is there" "$(answers "no.$zone" A)" ""
}

# A client whose clock is an hour late.
late_clock() {
	update admin <<<"update add late.$zone 60 A 192.0.2.7"
	same "a clock that's right" "$status" 0
	update admin <<<"update delete late.$zone"
	said=$(send_update udp "$dns_port" -3600 "late.$zone" admin.key)
	same "a clock that's an hour late" "$said" "NOTAUTH BADTIME"
}

unsigned_rule() {
	said=$(printf 'server 127.0.0.1 %s\nlocal 127.0.0.7\nzone %s\nupdate add a.dyn.%s 60 A 192.0.2.8\nsend\n' "$dns_port" "$zone" \
		"$zone" | nsupdate -t 10 2>&1)
	same "an address that is enough" "$? $said $(answers "a.dyn.$zone" A)" "0  192.0.2.8"
	said=$(printf 'server 127.0.0.1 %s\nlocal 127.0.0.7\nzone %s\nupdate add other.%s 60 A 192.0.2.8\nsend\n' "$dns_port" "$zone" \
		"$zone" | nsupdate -t 10 2>&1)
	holds "but not for other names" grep -q REFUSED <<<"$said"
}

# ---- clients of today ------------------------------------------------------------------------------------------------

# certbot's dns-rfc2136 and lego: SOA is asked for to find the zone, TXT set, looked for, and deleted with its very value.
certbot() {
	same "certbot finds the zone by its SOA" "$(ask +noall +authority "$acme" SOA | awk '{ print $1 }')" "$zone."
	update acme -v <<<"update add $acme 120 TXT \"first-token\""
	same "certbot sets a challenge" "$status $(answers "$acme" TXT)" '0 "first-token"'
	update acme -v <<<"update add $acme 120 TXT \"second-token\""
	same "a second one, for the wildcard" "$(answers "$acme" TXT)" '"first-token" "second-token"'
	update acme -v <<<"update delete $acme TXT \"first-token\""
	update acme -v <<<"update delete $acme TXT \"second-token\""
	same "certbot takes them back" "$status $(answers "$acme" TXT)" "0 "
	update acme <<-END
		update delete _acme-challenge.web.$zone TXT
		update add _acme-challenge.web.$zone 120 TXT "lego"
	END
	same "lego replaces what was there" "$status $(answers "_acme-challenge.web.$zone" TXT)" '0 "lego"'
	update acme <<<"update delete _acme-challenge.web.$zone TXT \"lego\""
	same "lego takes it back" "$status $(answers "_acme-challenge.web.$zone" TXT)" "0 "
}

# external-dns lists the zone by AXFR, and then sends one message for all that it wants.
external_dns() {
	update admin -v <<-END
		update add ingress.$zone 300 A 192.0.2.20
		update add ingress.$zone 300 TXT "heritage=external-dns"
		update add old.$zone 300 A 192.0.2.21
	END
	same "external-dns makes its records" "$status" 0
	world_await 10 listed
	holds "and finds them by AXFR" listed
	update admin -v <<-END
		update delete ingress.$zone A 192.0.2.20
		update add ingress.$zone 300 A 192.0.2.22
		update delete old.$zone A
		update add more.$zone 300 CNAME ingress.$zone.
	END
	same "changes and deletes them in one message" \
		"$status $(answers "ingress.$zone" A) $(answers "old.$zone" A) $(answers "more.$zone" CNAME)" \
		"0 192.0.2.22  ingress.$zone."
}

listed() {
	dig @127.0.0.1 -p "$dns_port" +noall +answer -y "$admin" "$zone" AXFR | grep -q "^ingress.$zone.*192.0.2.20"
}

knot_client() {
	said=$(printf 'server 127.0.0.1 %s\nzone %s.\nttl 60\nadd knot.%s. A 192.0.2.30\nsend\n' "$dns_port" "$zone" "$zone" |
		knsupdate -y "$admin" 2>&1)
	same "knsupdate adds" "$? $said $(answers "knot.$zone" A)" "0  192.0.2.30"
	said=$(printf 'server 127.0.0.1 %s\nzone %s.\nprereq nxdomain knot.%s.\nadd knot.%s. A 192.0.2.31\nsend\n' "$dns_port" "$zone" "$zone" "$zone" |
		knsupdate -v -y "$admin" 2>&1)
	holds "and is told what was in its way" grep -q YXDOMAIN <<<"$said"
	printf 'server 127.0.0.1 %s\nzone %s.\ndel knot.%s.\nsend\n' "$dns_port" "$zone" "$zone" | knsupdate -v -y "$admin" >/dev/null
	same "and deletes" "$(answers "knot.$zone" A)" ""
}

by_tls() {
	same "an update by TLS, where the rule wants it" "$(send_update tls "$tls_port" 0 "private.$zone" tls.key) $(
		answers "private.$zone" A)" "NOERROR 192.0.2.99"
	same "and not by UDP" "$(send_update udp "$dns_port" 0 "private.$zone" tls.key)" REFUSED
}

# A client that got no answer sends the very same datagram again.
repeated() {
	local before
	before=$(rows length)
	said=$(send_update twice "$dns_port" 0 "twice.$zone" admin.key)
	holds "a repeated datagram is answered" grep -q "^NOERROR" <<<"$said"
	same "and done once" $(($(rows length) - before)) 1
}

# ---- what is left of it ----------------------------------------------------------------------------------------------

rows() {	# JQ: of the journal's rows
	world_get "/v1/audit?limit=500" | jq -r "[.entries[] | select(.action == \"update\")] | $1"
}

journal() {
	update admin <<<"update add told.$zone 60 A 192.0.2.40"
	same "the journal tells who" "$(rows '.[-1].author')" "tsig:admin.key@127.0.0.1"
	same "and what" "$(rows '.[-1].change.subject')" "set told.$zone. A: 192.0.2.40"
	update admin <<<"update delete told.$zone"
	holds "and what is gone" grep -q "^delete told.$zone. A$" <<<"$(rows '.[-1].change.subject')"
	same "without a key it tells the address" \
		"$(rows '[.[] | select(.author == "127.0.0.7")] | length')" 1
	holds "the journal is whole" world_ctl audit --verify
}

durable() {
	update admin -v <<<"update add kept.$zone 60 A 192.0.2.50"
	world_stop isobard KILL
	same "acknowledged, then killed" "$status" 0
	holds "isobard is back" world_isobard
	same "and it's there" "$(answers "kept.$zone" A)" 192.0.2.50
}

# At once, by as many clients: all of them are done, each with its row.
many() {
	local n before pids=()
	before=$(rows length)
	for n in $(seq 40); do
		printf 'server 127.0.0.1 %s\nzone %s\nupdate add many%s.%s 60 A 192.0.2.%s\nsend\n' "$dns_port" "$zone" "$n" "$zone" "$n" |
			nsupdate -k "$world/admin.key" -t 20 >>"$world/many" 2>&1 &
		pids+=($!)
	done
	for n in "${pids[@]}"; do
		wait "$n" || echo "client $n failed" >>"$world/many"
	done
	same "forty clients at once are told nothing bad" "$(cat "$world/many")" ""
	same "and all is there" "$(for n in $(seq 40); do answers "many$n.$zone" A; echo; done | sort -u | wc -l)" 40
	same "with a row each" $(($(rows length) - before)) 40
	holds "and a journal that is whole" world_ctl audit --verify
}

# ---- NSD -------------------------------------------------------------------------------------------------------------

secondary() {
	cat >"$world/nsd.conf" <<-END
		server:
		  ip-address: 127.0.0.1@$nsd_port
		  username: "$(id -un)"
		  zonesdir: "$world"
		  database: ""
		  pidfile: ""
		  xfrdfile: "$world/xfrd"
		  zonelistfile: "$world/zone.list"
		  xfrdir: "$world"
		  verbosity: 2
		remote-control:
		  control-enable: no
		key:
		  name: admin.key
		  algorithm: hmac-sha256
		  secret: "$secret"
		zone:
		  name: $zone
		  zonefile: "$world/nsd.zone"
		  request-xfr: 127.0.0.1@$dns_port admin.key
		  allow-notify: 127.0.0.1 admin.key
	END
	world_start nsd nsd -d -c "$world/nsd.conf"
	holds "NSD has the zone" world_await 15 nsd_has "kept.$zone" 192.0.2.50
	update admin <<<"update add told-nsd.$zone 60 A 192.0.2.60"
	holds "and is told of an update" world_await 15 nsd_has "told-nsd.$zone" 192.0.2.60
}

nsd_has() {	# NAME ADDRESS
	[ "$(dig @127.0.0.1 -p "$nsd_port" +short +tries=1 +time=1 "$1" A)" = "$2" ]
}

# ---- signed by isobard -----------------------------------------------------------------------------------------------

anchors() {
	{
		echo "trust-anchors {"
		ask +short "$zone" DNSKEY | awk -v zone="$zone." '{ key = $4; for (i = 5; i <= NF; i++) key = key $i
			printf "  %s static-key %s %s %s \"%s\";\n", zone, $1, $2, $3, key }'
		echo "};"
	} >"$world/anchors"
}

has_keys() {
	ask +short "$zone" DNSKEY | grep -q "^257 "
}

validated() {	# NAME TYPE
	delv @127.0.0.1 -p "$dns_port" -a "$world/anchors" +root="$zone" "$@" 2>&1 | grep -q "fully validated"
}

signed() {
	local before
	world_ctl export "$world/out" >/dev/null
	sed -i "s/^  $zone:\$/  $zone:\n    dnssec: on/" "$world/out/steering.yaml"
	holds "the zone is signed" world_ctl apply "$world/out"
	holds "and has keys" world_await 10 has_keys
	anchors
	before=$(serial)
	update admin <<<"update add signed.$zone 60 A 192.0.2.70"
	same "a signed zone is updated" "$status $(answers "signed.$zone" A)" "0 192.0.2.70"
	holds "the record validates" validated "signed.$zone" A
	holds "and the serial rose" test "$(serial)" -gt "$before"
	refused "records that isobard makes itself" REFUSED admin "update add $zone 60 NSEC3PARAM 1 0 0 -"
	update admin <<<"update delete signed.$zone"
	holds "its denial validates, too" sh -c "delv @127.0.0.1 -p $dns_port -a $world/anchors +root=$zone signed.$zone A 2>&1 |
		grep -q 'negative response, fully validated'"
}

# ---- metrics, and no store -------------------------------------------------------------------------------------------

metric() {	# NAME WITH LABELS
	curl -sf --unix-socket "$api_socket" http://isobard/metrics | grep "^$1 " | awk '{ print $2 }'
}

counted() {
	holds "metrics count updates" test "$(metric 'isobar_updates_total{rcode="NOERROR"}')" -gt 40
	holds "and the refused ones" test "$(metric 'isobar_updates_total{rcode="REFUSED"}')" -gt 0
	same "none waits" "$(metric isobar_updates_waiting)" 0
}

serves() {
	ask +short "$zone" SOA | grep -q hostmaster
}

storeless() {
	world_stop isobard
	world_start isobard "$ISOBAR_BUILD/src/isobard" -c "$world/isobar.yaml" --zones "$world/zones"
	world_await 10 serves
	refused "without a store nothing can be kept" REFUSED admin "update add no.$zone 60 A 192.0.2.80"
	said=$(send_update udp "$dns_port" 0 "no.$zone" admin.key)
	same "and it says why" "$said" "REFUSED there is no store here to keep it in"
}

main "$@"
