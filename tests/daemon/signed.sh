#!/usr/bin/env bash
# Zones signed with keys that BIND's and ldns' tools made, before their verifiers: NSEC and NSEC3, each algorithm, one key
# or two. The zone has a steered name, shown as secondaries have it: its denial lists the types of all regions, so the
# copy has those of a region that has them all.
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

cat >zone <<'END'
$TTL 300
@ IN SOA Ns1 Root 7 1 2 3 120
 NS NS1
 NS ns2
 MX 20 B.Mail
 MX 10 a.MAIL
 TXT "Upper" "case stays"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
ns2 A 192.0.2.2
old NAPTR 100 10 "U" "E2U+sip" "!^.*$!sip:I@Example.com!" Repl.Example.
old SRV 0 5 5060 SIP.example.
old CAA 0 issue "CA.Example"
old TYPE65500 \# 3 414243
a.b.ent A 192.0.2.3
*.wild A 192.0.2.4
alias CNAME Target.example.
cut NS ns.cut
cut DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.cut A 192.0.2.5
insecure NS ns.insecure
ns.insecure A 192.0.2.6
eu._region.www A 192.0.2.10
eu._region.www AAAA 2001:db8::10
us._region.www A 192.0.2.20
END

sign() {	# DENIAL KEYS...
	local denial=$1
	shift
	"$ISOBAR_BUILD/tests/tools/signzone" example.org zone "$denial" 2 www.example.org "$@" >signed
}

verify() {	# NAME DENIAL KEYS...
	local name=$1 denial=$2 csk=()
	shift 2
	[ $# -gt 1 ] || csk=(-z)	# a key for everything
	holds "$name is signed" sign "$denial" "$@"
	holds "$name passes ldns-verify-zone" ldns-verify-zone signed
	holds "$name passes dnssec-verify" dnssec-verify -q "${csk[@]}" -o example.org signed
}

bind_ksk=$(dnssec-keygen -q -a ECDSAP256SHA256 -f KSK example.org)
bind_zsk=$(dnssec-keygen -q -a ECDSAP256SHA256 example.org)
rsa_ksk=$(dnssec-keygen -q -a RSASHA256 -b 2048 -f KSK example.org)
rsa_zsk=$(dnssec-keygen -q -a RSASHA256 -b 1024 example.org)
ldns_ksk=$(ldns-keygen -a ED25519 -k example.org)
ldns_zsk=$(ldns-keygen -a ED25519 example.org)
for denial in nsec nsec3; do
	verify "$denial by a P-256 key" $denial "$bind_ksk"
	verify "$denial by two P-256 keys" $denial "$bind_ksk" "$bind_zsk"
	verify "$denial by an RSA key" $denial "$rsa_ksk"
	verify "$denial by two RSA keys" $denial "$rsa_ksk" "$rsa_zsk"
	verify "$denial by an Ed25519 key" $denial "$ldns_ksk"
	verify "$denial by two Ed25519 keys" $denial "$ldns_ksk" "$ldns_zsk"
done

# The verifiers do see what is wrong.
sign nsec "$bind_ksk" 2>/dev/null
sed -i 's/^ns2\(.*\)192\.0\.2\.2$/ns2\1192.0.2.99/' signed
same "a changed record fails" "$(ldns-verify-zone signed >/dev/null 2>&1 || echo fails)" fails

finish
